/** A person's own page: who is signed in here, the apps that they allowed, and the way out. */
import type { Context, Middleware } from 'koa'
import type { Account } from '../accounts/account.ts'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Client, ClientId } from '../clients/client.ts'
import type { ConsentStore, RememberedConsent } from '../consent/consent-store.ts'
import { clamped } from './client-view.ts'
import { readForm } from './form-body.ts'
import { refuseCrossSite } from './form-origin.ts'
import { HttpRefusal } from './http-refusal.ts'
import { type ConsentEvents, seeOther } from './interaction-needs.ts'
import type { Pages } from './pages.ts'
import { createSeal, type SealNeeds } from './seal.ts'

export interface AccountRoutesNeeds {
  pages: Pages
  accounts: Pick<AccountStore, 'find'>
  clients: { find(id: ClientId): Promise<Client | undefined> }
  consents: Pick<ConsentStore, 'list' | 'withdraw'>
  events: Pick<ConsentEvents, 'consentWithdrawn'>
  sealing: SealNeeds
  /** Who is signed in in this browser. */
  currentSession(ctx: Context): Promise<{ accountId: string } | undefined>
}

const withdrawal = '/account/apps/withdraw'
/** How long a page may stay open before its buttons do nothing any more. */
const formSeconds = 43_200

export function accountRoutes(needs: AccountRoutesNeeds): Middleware {
  const forms = createSeal('account form', formSeconds, needs.sealing)
  const isPath = (ctx: Context, path: string) => ctx.path.replace(/\/$/, '') === path
  return async (ctx) => {
    if (!isPath(ctx, '/account') && !isPath(ctx, withdrawal)) throw new HttpRefusal(404, 'There is no such page.')
    const person = await personOf(ctx, needs)
    if (ctx.method === 'POST') return withdraw(ctx, person)
    // The address of the form, reloaded or typed.
    if (isPath(ctx, withdrawal)) return seeOther(ctx, `${needs.pages.place.base}/account`)
    await show(ctx, person)
  }

  async function withdraw(ctx: Context, person: Account | undefined): Promise<void> {
    if (!isPath(ctx, withdrawal)) throw new HttpRefusal(405, 'Nothing is posted here.', { Allow: 'GET, HEAD' })
    refuseCrossSite(ctx, needs.pages.place)
    const fields = await readForm(ctx)
    const form = forms.open(fields.get('csrf')) as { accountId: string } | undefined
    // Signed out meanwhile, or another person: their page shows what is so.
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
    // Told only where it is so: the app is not in the list any more.
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
