/** The settings that an app needs to connect. A test compares them with the discovery document. */
import type { Client } from './client.ts'
import { deviceCodeGrant, usesRedirects } from './grant-types.ts'
import { identityScopes } from './identity-scopes.ts'

/** Named as in the discovery document (OpenID Connect Discovery §3, RFC 8414 §2). */
export interface AppSettings {
  issuer: string
  discovery: string
  authorization_endpoint?: string
  device_authorization_endpoint?: string
  token_endpoint: string
  userinfo_endpoint?: string
  jwks_uri: string
  end_session_endpoint?: string
  /** Scopes of OpenID Connect, separated by spaces, without the scopes of APIs. */
  scope?: string
  redirect_uris?: readonly string[]
}

export function appSettings(client: Client, issuer: string): AppSettings {
  const redirects = usesRedirects(client)
  const isDevice = client.grants.includes(deviceCodeGrant)
  const hasPeople = redirects || isDevice
  return {
    issuer,
    discovery: `${issuer}/.well-known/openid-configuration`,
    ...(redirects ? { authorization_endpoint: `${issuer}/auth` } : {}),
    ...(isDevice ? { device_authorization_endpoint: `${issuer}/device/auth` } : {}),
    token_endpoint: `${issuer}/token`,
    ...(hasPeople ? { userinfo_endpoint: `${issuer}/me` } : {}),
    jwks_uri: `${issuer}/jwks`,
    ...(redirects ? { end_session_endpoint: `${issuer}/session/end` } : {}),
    ...(hasPeople ? { scope: identityScopes.filter((scope) => !rare.has(scope)).join(' ') } : {}),
    ...(redirects ? { redirect_uris: client.redirectUris } : {}),
  }
}

/** Left out: few apps need these scopes, and each of them asks people for more data. */
const rare: ReadonlySet<string> = new Set(['address', 'phone', 'offline_access'])

export interface Remedy {
  symptom: string
  remedy: string
}

/** The most frequent refusals of apps, each with its remedy. */
export function commonRemedies({
  id,
  tokenEndpointAuthMethod,
  grants,
  profile,
  idTokenAlg,
}: Client): readonly Remedy[] {
  if (!usesRedirects({ grants })) return []
  const set = `claviger clients set ${id}`
  const isFixed = tokenEndpointAuthMethod === 'none' || profile === 'strict'
  const otherAlg = idTokenAlg === 'RS256' ? 'ES256' : 'RS256'
  return [
    {
      symptom: 'The redirect URI is refused',
      remedy: `register the address exactly as the app sends it: ${set} --add-redirect-uri <uri>`,
    },
    {
      symptom: 'The request needs PKCE',
      remedy: `turn PKCE (S256) on in the app${isFixed ? '' : `, or: ${set} --pkce optional`}`,
    },
    {
      symptom: 'The app cannot check the ID token',
      remedy: `choose the algorithm that the app expects: ${set} ${profile === 'strict' ? '--profile standard ' : ''}--id-token-alg ${otherAlg}`,
    },
  ]
}
