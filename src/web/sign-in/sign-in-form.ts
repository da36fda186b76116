/** The actions of the sign-in forms. */
import type { Context } from 'koa'
import type { Account } from '../../accounts/account.ts'
import type { SignIn } from '../../credentials/sign-in.ts'
import { Failure } from '../../errors/failure.ts'
import type { Interaction } from '../../oidc/interactions/interactions.ts'
import type { FormFields } from '../bodies/form-body.ts'
import { cookieName } from '../routing/place.ts'
import { type InteractionNeeds, interactionPath, seeOther } from './interaction-needs.ts'
import { personOf, showLogin, showSwitch } from './login-page.ts'

export type FormAction = (
  ctx: Context,
  interaction: Interaction,
  fields: FormFields,
  needs: InteractionNeeds,
) => Promise<void>

/** Signs in with email address and password. */
export const submitLogin: FormAction = async (ctx, interaction, fields, needs) => {
  const login = fields.get('login') ?? ''
  const remember = fields.has('remember')
  const person = await personOf(interaction, needs)
  const leaving = person && fields.get('switch-from') === person.id ? person : undefined
  const again = (fault: 'wrong' | 'throttled' | 'busy', retryAfterSeconds?: number) =>
    showLogin(ctx, interaction, needs, { login, remember, fault, retryAfterSeconds, ...(leaving ? { leaving } : {}) })

  const result = await attempt(ctx, interaction, login, fields.get('password') ?? '', needs)
  if (result === 'busy') return again('busy', 1)
  if (result.outcome === 'rejected')
    return again(result.retryAfterSeconds ? 'throttled' : 'wrong', result.retryAfterSeconds)

  const { account, amr, acr } = result
  knowBrowser(ctx, account, needs)
  if (person && person.id !== account.id && !leaving) {
    const proof = { uid: interaction.uid, accountId: account.id, switchFrom: person.id, amr, acr, remember }
    return showSwitch(ctx, interaction, needs, { from: person, to: account, ticket: needs.tickets.issue(proof) })
  }
  const switchFrom =
    interaction.session && interaction.session.accountId !== account.id ? interaction.session.accountId : undefined
  const done = { accountId: account.id, amr, acr, remember, ...(switchFrom ? { switchFrom } : {}) }
  go(ctx, await needs.interactions.finishLogin(ctx, interaction, done), needs)
}

async function attempt(
  ctx: Context,
  interaction: Interaction,
  login: string,
  password: string,
  needs: InteractionNeeds,
): Promise<SignIn | 'busy'> {
  try {
    return await needs.signIn({
      login,
      password,
      source: String(ctx.state.source ?? 'unknown'),
      knownBrowser: ctx.cookies.get(browserCookie(needs), { signed: false }),
      requestId: ctx.state.requestId as string | undefined,
      clientId: interaction.client.id,
    })
  } catch (error) {
    // The page shows the form again with its text, so that the person can retry.
    if (error instanceof Failure && error.code === 'hashing_busy') return 'busy'
    throw error
  }
}

/** Signs the other person out and continues with the account in the ticket. */
export const submitSwitch: FormAction = async (ctx, interaction, fields, needs) => {
  const proof = needs.tickets.read(fields.get('ticket'), interaction.uid)
  const account = proof && (await needs.accounts.find(proof.accountId))
  if (!proof || !account || account.disabledAt) return backToStart(ctx, interaction, needs)
  const { accountId, amr, acr, remember, switchFrom } = proof
  go(ctx, await needs.interactions.finishLogin(ctx, interaction, { accountId, amr, acr, remember, switchFrom }), needs)
}

/** "Continue as …": continues with the existing session, without a new proof. */
export const submitContinue: FormAction = async (ctx, interaction, _fields, needs) => {
  try {
    go(ctx, await needs.interactions.continueSession(ctx, interaction), needs)
  } catch (error) {
    // The person signed out meanwhile, or the app requires the password again: the sign-in page decides.
    if (!(error instanceof Failure && error.code === 'sign_in_needed')) throw error
    backToStart(ctx, interaction, needs)
  }
}

/** Returns to the app without a sign-in. */
export const submitCancel: FormAction = async (ctx, interaction, _fields, needs) => {
  go(ctx, await needs.interactions.deny(ctx, interaction), needs)
}

/** Redirects to the address that the engine returned. */
export function go(ctx: Context, location: string, { pages }: InteractionNeeds): void {
  pages.rememberLanguage(ctx)
  seeOther(ctx, location)
}

function backToStart(ctx: Context, interaction: Interaction, { pages }: InteractionNeeds): void {
  seeOther(ctx, `${pages.place.base}${interactionPath(ctx, interaction.uid)}`)
}

const browserCookie = ({ pages }: InteractionNeeds): string => cookieName(pages.place, 'browser')

/** Marks this browser as known, so that wrong passwords from other places do not throttle the person here. */
function knowBrowser(ctx: Context, account: Account, needs: InteractionNeeds): void {
  const { pages, knownBrowsers } = needs
  const name = browserCookie(needs)
  ctx.cookies.set(name, knownBrowsers.issue(account.id, ctx.cookies.get(name, { signed: false })), {
    path: pages.place.base || '/',
    maxAge: knownBrowsers.maxAgeSeconds * 1000,
    httpOnly: true,
    sameSite: 'lax',
    secure: pages.place.isSecure,
    signed: false,
  })
}
