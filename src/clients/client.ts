/**
 * clients defines the relying parties and the APIs (resource servers): presets,
 * metadata, secrets, redirect rules. It uses no HTTP. `oidc` gives clients to
 * the engine, and `cli` lets an administrator change them.
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
  /** Origins that may call Claviger's endpoints from a browser, besides those of the redirect URIs. */
  readonly origins: readonly string[]
  /** Start of a new sign-in at this app; expired pages link to it (`initiate_login_uri`, else `client_uri`). */
  readonly startUri: string | undefined
  readonly logoUri: string | undefined
  readonly policyUri: string | undefined
  readonly tosUri: string | undefined
  /** Audiences that this client may request; the first is the default. */
  readonly apis: readonly string[]
  /** Grant types that the client may use (`grant-types.ts`); the preset sets the defaults. */
  readonly grants: readonly GrantType[]
  /** The security profile (`client-profile.ts`). */
  readonly profile: ClientProfile
  /**
   * `or-nonce`: PKCE, or `openid` with a `nonce` (OAuth 2.1 §7.6); the default of confidential clients. `optional`:
   * neither is required; an administrator must set it explicitly. A public client always needs PKCE.
   */
  readonly pkce: (typeof pkceRules)[number]
  /** `client_secret`: the app sends its secret by HTTP Basic or in the form, never by both in one request. */
  readonly tokenEndpointAuthMethod: (typeof authMethods)[number]
  /** SHA-256 of the secret. The secret itself is shown once and never stored. */
  readonly secretDigest: Uint8Array | undefined
  /** Time of the last rotation; undefined for the first secret. */
  readonly secretRotatedAt?: Date | undefined
  /** The secret before the last rotation, also accepted before `until`. */
  readonly previousSecret?: { readonly digest: Uint8Array; readonly until: Date } | undefined
  readonly jwks: { keys: Record<string, unknown>[] } | undefined
  readonly jwksUri: string | undefined
  readonly idTokenAlg: string
  /** Claims of granted scopes are returned in the ID token too, not only at userinfo. */
  readonly claimsInIdToken: boolean
  readonly dpopBound: boolean
  readonly requirePar: boolean
  /** The endpoint that receives logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.2). */
  readonly backchannelLogoutUri?: string | undefined
  /** Logout tokens must contain `sid`; without it all of the person's sessions at the app end. */
  readonly backchannelLogoutSessionRequired?: boolean | undefined
  /** How refresh tokens are delivered; `cookie` (HttpOnly) is for `spa` only (`oidc/tokens/refresh-delivery.ts`). */
  readonly refreshDelivery: RefreshDelivery
  /** The audience whose own credentials these are. The API may read the revocation feed and introspect its own tokens. */
  readonly servesApi?: string | undefined
  /** Rights at Claviger's own interfaces (`rights.ts`). */
  readonly rights?: readonly Right[] | undefined
  readonly createdAt: Date
  readonly updatedAt: Date
}

/** A resource server that accepts Claviger's access tokens. */
export interface Api {
  /** The `aud` of its tokens: an absolute URI without fragment (RFC 8707 §2). */
  readonly audience: string
  /** Shown on the consent page instead of the audience. */
  readonly name?: string | undefined
  readonly scopes: readonly string[]
  /** Shown on the consent page instead of a scope. Some scopes have no text; read one with `scopeTextOf`. */
  readonly scopeTexts: Readonly<Record<string, string>>
  /** Lifetime of its access tokens in seconds; undefined: the deployment's. */
  readonly ttlSeconds: number | undefined
  readonly alg: string
  readonly createdAt: Date
}
