/** The account page: shows the signed-in person and the apps that they allowed, withdraws consents, and links to sign-out. */
import type { Context, Middleware } from 'koa'
import type { Account } from '../../accounts/account.ts'
import type { AccountStore } from '../../accounts/account-store.ts'
import type { Client, ClientId } from '../../clients/client.ts'
import type { ConsentStore, RememberedConsent } from '../../consent/consent-store.ts'
import { readForm } from '../bodies/form-body.ts'
import { refuseCrossSite } from '../bodies/form-origin.ts'
import { createSeal, type SealNeeds } from '../bodies/seal.ts'
import { clamped } from '../pages/client-view.ts'
import type { Pages } from '../pages/pages.ts'
import { HttpRefusal } from '../routing/http-refusal.ts'
import { type ConsentEvents, seeOther } from '../sign-in/interaction-needs.ts'

export interface AccountRoutesNeeds {
  pages: Pages
  accounts: Pick<AccountStore, 'find'>
  clients: { find(id: ClientId): Promise<Client | undefined> }
  consents: Pick<ConsentStore, 'list' | 'withdraw'>
  events: Pick<ConsentEvents, 'consentWithdrawn'>
  sealing: SealNeeds
  /** The session of this browser; undefined when no person is signed in. */
  currentSession(ctx: Context): Promise<{ accountId: string } | undefined>
}

const withdrawal = '/account/apps/withdraw'
/** The forms of an account page expire after this time. */
const formSeconds = 43_200

export function accountRoutes(needs: AccountRoutesNeeds): Middleware {
  const forms = createSeal('account form', formSeconds, needs.sealing)
  const isPath = (ctx: Context, path: string) => ctx.path.replace(/\/$/, '') === path
  return async (ctx) => {
    if (!isPath(ctx, '/account') && !isPath(ctx, withdrawal)) throw new HttpRefusal(404, 'There is no such page.')
    const person = await personOf(ctx, needs)
    if (ctx.method === 'POST') return withdraw(ctx, person)
    // A GET of the form's address, reloaded or typed, leads back to the account page.
    if (isPath(ctx, withdrawal)) return seeOther(ctx, `${needs.pages.place.base}/account`)
    await show(ctx, person)
  }

  async function withdraw(ctx: Context, person: Account | undefined): Promise<void> {
    if (!isPath(ctx, withdrawal)) throw new HttpRefusal(405, 'This page does not accept POST.', { Allow: 'GET, HEAD' })
    refuseCrossSite(ctx, needs.pages.place)
    const fields = await readForm(ctx)
    const form = forms.open(fields.get('csrf')) as { accountId: string } | undefined
    // The person signed out meanwhile, or another person signed in: redirect to the current account page.
    if (!person || form?.accountId !== person.id) return seeOther(ctx, `${needs.pages.place.base}/account`)
    const clientId = fields.get('client_id') ?? ''
    if (await needs.consents.withdraw(person.id, clientId)) {
      const { source, requestId } = ctx.state as { source?: string; requestId?: string }
      needs.events.consentWithdrawn({ accountId: person.id, clientId, source, requestId })
    }
    needs.pages.rememberLanguage(ctx)
    seeOther(ctx, `${needs.pages.place.base}/account?withdrawn=${encodeURIComponent(clientId)}`)
  }

  async function show(ctx: Context, account: Account | undefined): Promise<void> {
    const { pages, consents, clients } = needs
    const base = pages.place.base
    const allowed = account ? await consents.list(account.id) : []
    const asked = ctx.query['withdrawn']
    // The page confirms a withdrawal only when the app is no longer in the list.
    const isGone = typeof asked === 'string' && !allowed.some(({ clientId }) => clientId === asked)
    const withdrawn = account && isGone ? await clients.find(asked) : undefined
    const data = {
      person: account && { name: account.name ?? account.email, email: account.email },
      apps: await Promise.all(
        allowed.map(async (consent) => describeApp(consent, await clients.find(consent.clientId))),
      ),
      withdrawn: withdrawn && clamped(withdrawn.name),
      csrf: account && forms.seal({ accountId: account.id }),
      withdrawAction: `${base}${withdrawal}`,
      signOutAction: `${base}/session/end`,
    }
    pages.show(ctx, 'account', data, { languagePath: '/account' })
  }
}

async function personOf(ctx: Context, { accounts, currentSession }: AccountRoutesNeeds): Promise<Account | undefined> {
  const session = await currentSession(ctx)
  const account = session && (await accounts.find(session.accountId))
  return account && !account.disabledAt ? account : undefined
}

const describeApp = ({ clientId, allowedAt, access }: RememberedConsent, client: Client | undefined) => ({
  id: clientId,
  name: clamped(client?.name ?? clientId),
  allowedAt,
  isOffline: access.scopes.includes('offline_access'),
})
