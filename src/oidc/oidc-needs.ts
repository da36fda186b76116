/** What the protocol needs of the rest of the house, and what one engine is. */
import type { Middleware } from 'koa'
import type Provider from 'oidc-provider'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Config } from '../config/config.ts'
import type { ConsentStore } from '../consent/consent-store.ts'
import type { GuardedFetch } from '../outbound/outbound.ts'
import type { StatusPlace } from '../revocation/status-place.ts'
import type { CanaryRequest } from './canary-requests.ts'
import type { ClientDirectory } from './client-directory.ts'
import type { CookieSettings } from './cookies.ts'
import type { InteractionProofs } from './interaction-proof.ts'
import type { ModelStore } from './model-store.ts'
import type { OidcPages } from './oidc-pages.ts'
import type { RefreshCookies } from './refresh-cookie.ts'
import type { IssueSecond } from './token-claims.ts'

interface About {
  accountId?: string | undefined
  clientId?: string | undefined
  source?: string | undefined
  requestId?: string | undefined
}

/** What of the registered ones comes closest, and what differs: for the administrator's eyes. */
interface Refusal {
  closest: string | undefined
  difference: string
}

/** What the protocol tells the audit log, the log and the counters. Each must be cheap and never throw. */
export interface OidcEvents {
  tokenIssued(grantType: string): void
  tokenRevoked(about: About & { tokenKind?: string | undefined; jti?: string | undefined }): void
  tokenMisused(about: About & { owner: string; tokenKind?: string | undefined }): void
  tokenForged(about: About & { kid?: string | undefined; jti?: string | undefined }): void
  tokenRefused(about: About & { grantType: string; error: string; detail: string | undefined }): void
  grantRevoked(about: About & { grantId: string }): void
  authorizationRefused(about: About & { error: string; detail: string | undefined }): void
  /** `isNews`: the first time today for this client and these scopes. */
  scopeRefused(about: About & { scopes: string; granted: string; apis: readonly string[]; isNews: boolean }): void
  /** A setting of the client would let the request through. */
  requestRefused(about: About & { error: string; reason: string | undefined; remedy: string }): void
  redirectUriRefused(about: About & Refusal & { received: string }): void
  originRefused(about: About & Refusal & { origin: string }): void
  signedOut(about: About): void
  serverError(about: About & { error: unknown }): void
}

export interface OidcNeeds {
  config: Pick<
    Config,
    | 'issuer'
    | 'accessTokenSeconds'
    | 'refreshTokenIdleSeconds'
    | 'refreshTokenSeconds'
    | 'sessionIdleSeconds'
    | 'sessionSeconds'
    | 'refreshGraceSeconds'
  >
  models: ModelStore
  accounts: Pick<AccountStore, 'find'>
  directory: ClientDirectory
  consents: Pick<ConsentStore, 'find'>
  /** Is this the browser origin of a client that gets its refresh tokens in a cookie? */
  origins: { receiveCookies(origin: string): Promise<boolean> }
  pages: OidcPages
  events: OidcEvents
  /** Newest first: it signs, all verify. */
  cookieKeys: () => readonly string[]
  secrets: { dpopNonce: Buffer; csrf: Uint8Array }
  /** Languages of the pages, for discovery. */
  locales: readonly string[]
  acrValues: readonly string[]
  /** Nothing is dated earlier than what was revoked under one of these names, and nothing ahead. */
  issueSecond: IssueSecond
  /** Asks clients' servers. */
  fetch: GuardedFetch
  /** Before every token request. @throws Failure while nothing may be issued here */
  assertMayIssue(): void
  /** Told of each answer of the token endpoint to the canary. */
  canaryAnswered(request: CanaryRequest): void
  /** Given where the ledger of issued tokens is kept. */
  nextStatusPlace?: (() => Promise<StatusPlace>) | undefined
  /** What discovery says besides the engine's own members. */
  furtherMetadata(): Record<string, unknown>
}

/** One engine with its keys; exchanged as a whole when they change. */
export interface Engine {
  provider: Provider
  cookies: CookieSettings
  refreshCookies: RefreshCookies
  proofs: InteractionProofs
  handle: Middleware
  /** Those that a key signs for. */
  algorithms: string
  /** Of discovery, what follows from these and the configuration. */
  document: Record<string, unknown>
  discovery: Record<string, unknown>
}
