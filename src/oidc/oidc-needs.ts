/** What the protocol needs from other rooms, and the parts of one engine. */
import type { Middleware } from 'koa'
import type Provider from 'oidc-provider'
import type { AccountStore } from '../accounts/account-store.ts'
import type { Config } from '../config/config.ts'
import type { ConsentStore } from '../consent/consent-store.ts'
import type { GuardedFetch } from '../outbound/outbound.ts'
import type { StatusPlace } from '../revocation/status-place.ts'
import type { ClientDirectory } from './client-directory.ts'
import type { CookieSettings } from './engine/cookies.ts'
import type { InteractionProofs } from './interactions/interaction-proof.ts'
import type { OidcPages } from './oidc-pages.ts'
import type { ModelStore } from './state/model-store.ts'
import type { CanaryRequest } from './tokens/canary-requests.ts'
import type { RefreshCookies } from './tokens/refresh-cookie.ts'
import type { IssueSecond } from './tokens/token-claims.ts'

interface About {
  accountId?: string | undefined
  clientId?: string | undefined
  source?: string | undefined
  requestId?: string | undefined
}

/** The closest registered value and the difference, for the administrator. */
interface Refusal {
  closest: string | undefined
  difference: string
}

/** Events for the audit log, the log and the counters. Each call must be cheap and must never throw. */
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
  /** A refused request that a setting of the client would allow. */
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
  /** Newest first. The newest key signs; all keys verify. */
  cookieKeys: () => readonly string[]
  secrets: { dpopNonce: Buffer; csrf: Uint8Array }
  /** Languages of the pages, for discovery. */
  locales: readonly string[]
  acrValues: readonly string[]
  /** Returns an `iat` that is not before any revocation of one of these marks, and not in the future. */
  issueSecond: IssueSecond
  /** Fetches from clients' servers. */
  fetch: GuardedFetch
  /** Called before every token request. @throws Failure while this node may not issue tokens */
  assertMayIssue(): void
  /** Called for each answer of the token endpoint to the canary. */
  canaryAnswered(request: CanaryRequest): void
  /** Set when the ledger of issued tokens is on. */
  nextStatusPlace?: (() => Promise<StatusPlace>) | undefined
  /** Members of the discovery document besides the engine's own. */
  furtherMetadata(): Record<string, unknown>
}

/** One engine with its keys. A new engine replaces it when the keys change. */
export interface Engine {
  provider: Provider
  cookies: CookieSettings
  refreshCookies: RefreshCookies
  proofs: InteractionProofs
  handle: Middleware
  /** The algorithms for which a key signs. */
  algorithms: string
  /** The part of the discovery document that follows from the algorithms and the configuration. */
  document: Record<string, unknown>
  discovery: Record<string, unknown>
}
