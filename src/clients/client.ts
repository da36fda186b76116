/**
 * clients knows the relying parties and the APIs (resource servers): presets,
 * metadata, secrets, redirect rules. It never talks HTTP; `oidc` shows them to
 * the engine and `cli` lets an administrator change them.
 */
import type { ClientProfile } from './client-profile.ts'
import type { GrantType } from './grant-types.ts'
import type { Right } from './rights.ts'

export type ClientId = string

export const presets = ['spa', 'web', 'native', 'service', 'device'] as const
export type Preset = (typeof presets)[number]

export const refreshDeliveries = ['body', 'cookie'] as const
export type RefreshDelivery = (typeof refreshDeliveries)[number]

export const pkceRules = ['required', 'or-nonce', 'optional'] as const

export const authMethods = [
  'none',
  'client_secret',
  'client_secret_basic',
  'client_secret_post',
  'private_key_jwt',
] as const

export interface Client {
  readonly id: ClientId
  readonly name: string
  readonly preset: Preset
  /** First-party: people are never asked for consent. */
  readonly firstParty: boolean
  readonly redirectUris: readonly string[]
  readonly postLogoutRedirectUris: readonly string[]
  /** Origins allowed to call our endpoints from a browser besides those of the redirect URIs. */
  readonly origins: readonly string[]
  /** Where a person starts a new sign-in at this app; dead pages lead there (`initiate_login_uri`, else `client_uri`). */
  readonly startUri: string | undefined
  readonly logoUri: string | undefined
  readonly policyUri: string | undefined
  readonly tosUri: string | undefined
  /** Audiences this client may ask for; the first is the default one. */
  readonly apis: readonly string[]
  /** What it may be given tokens by (`grant-types.ts`); the preset says with what it begins. */
  readonly grants: readonly GrantType[]
  /** Which settings are held together (`client-profile.ts`). */
  readonly profile: ClientProfile
  /**
   * `or-nonce`: PKCE, or `openid` with a `nonce` (OAuth 2.1 §7.6); the default of confidential clients. `optional`: neither
   * is needed, by an administrator's explicit word. A public client always needs PKCE.
   */
  readonly pkce: (typeof pkceRules)[number]
  /** `client_secret`: its secret comes by HTTP Basic or in the form, as the app likes, never by both at once. */
  readonly tokenEndpointAuthMethod: (typeof authMethods)[number]
  /** SHA-256 of the secret; the secret itself is shown once and kept nowhere. */
  readonly secretDigest: Uint8Array | undefined
  /** When the present secret replaced another; undefined: it is the first. */
  readonly secretRotatedAt?: Date | undefined
  /** The secret before the last rotation. It is accepted beside the present one until its end. */
  readonly previousSecret?: { readonly digest: Uint8Array; readonly until: Date } | undefined
  readonly jwks: { keys: Record<string, unknown>[] } | undefined
  readonly jwksUri: string | undefined
  readonly idTokenAlg: string
  /** The claims of granted scopes are in the ID token too, not only at userinfo. */
  readonly claimsInIdToken: boolean
  readonly dpopBound: boolean
  readonly requirePar: boolean
  /** Where its server is told that a session has ended (OpenID Connect Back-Channel Logout 1.0 §2.2). */
  readonly backchannelLogoutUri?: string | undefined
  /** It must be told which session; otherwise all of the person's sessions at the app end. */
  readonly backchannelLogoutSessionRequired?: boolean | undefined
  /** Where its refresh tokens travel; in a cookie that no script can read only for an `spa` (`oidc/refresh-delivery.ts`). */
  readonly refreshDelivery: RefreshDelivery
  /** These are the credentials of this API itself (an audience): it may read the revocation feed and introspect its own tokens. */
  readonly servesApi?: string | undefined
  /** What it may ask of us ourselves (`rights.ts`). */
  readonly rights?: readonly Right[] | undefined
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A resource server that accepts our access tokens. */
export interface Api {
  /** The `aud` of its tokens: an absolute URI without fragment (RFC 8707 §2). */
  readonly audience: string
  /** What people read instead of the audience, on the consent page. */
  readonly name?: string | undefined
  readonly scopes: readonly string[]
  /** What people read instead of a scope. Not every scope has a text; read one with `scopeTextOf`. */
  readonly scopeTexts: Readonly<Record<string, string>>
  /** Lifetime of its access tokens in seconds; undefined: the deployment's. */
  readonly ttlSeconds: number | undefined
  readonly alg: string
  readonly createdAt: Date
}
