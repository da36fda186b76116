/** The dependencies of the sign-in and consent pages, and the addresses of their forms. */
import type { Context } from 'koa'
import type { AccountStore } from '../../accounts/account-store.ts'
import type { SignIn, SignInAttempt } from '../../credentials/sign-in.ts'
import type { Log } from '../../events/log.ts'
import type { PersonEvents } from '../../events/person-events.ts'
import type { Interactions } from '../../oidc/interactions/interactions.ts'
import type { Pages } from '../pages/pages.ts'
import type { ProofTickets } from './proof-ticket.ts'

/** Records the consent decisions of people. */
export type ConsentEvents = Pick<PersonEvents, 'consentGranted' | 'consentDenied' | 'consentWithdrawn'>

export interface InteractionNeeds {
  interactions: Interactions
  signIn(attempt: SignInAttempt): Promise<SignIn>
  accounts: Pick<AccountStore, 'find'>
  /** Device cookies, implemented by `credentials/known-browser.ts`. */
  knownBrowsers: { readonly maxAgeSeconds: number; issue(accountId: string, cookie?: string): string }
  pages: Pages
  events: ConsentEvents
  tickets: ProofTickets
  log: Pick<Log, 'info' | 'error'>
}

/** Path below the issuer of an interaction's page or one of its forms. A page adds its language to it (`it.local`). */
export function formPath(uid: string, action?: string, query: Readonly<Record<string, string>> = {}): string {
  const search = new URLSearchParams(query).toString()
  return `/interaction/${uid}${action ? `/${action}` : ''}${search ? `?${search}` : ''}`
}

/** The same address with the language that was chosen on the page, for redirects. */
export function interactionPath(
  ctx: Context,
  uid: string,
  action?: string,
  query: Readonly<Record<string, string>> = {},
): string {
  const lang = /[?&]lang=([\w-]{1,35})(?:&|$)/.exec(ctx.originalUrl)?.[1]
  return formPath(uid, action, { ...query, ...(lang ? { lang } : {}) })
}

/** Redirects to a page with 303, as after every successful form post. */
export function seeOther(ctx: Context, location: string): void {
  ctx.status = 303
  ctx.set('Location', location)
  ctx.set('Cache-Control', 'no-store')
  ctx.type = 'text/plain; charset=utf-8'
  ctx.body = ''
}
