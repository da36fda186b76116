/** Allowed redirect URIs of a client, and the origins that may call Claviger for it. */
import type { Client } from './client.ts'
import { presetRules } from './preset-rules.ts'

type Redirecting = Pick<Client, 'preset' | 'redirectUris'>
type Calling = Pick<Client, 'preset' | 'redirectUris' | 'origins'>

// Anchored and without "@", so that no user name can imitate the host. RFC 8252 §7.3 leaves the port open.
const loopbackUri = /^(http:\/\/(?:127\.0\.0\.1|\[::1\]|localhost))(?::(\d{1,5}))?(?=[/?]|$)/

/** Compared character by character (RFC 9700 §4.1.3). A native app's loopback URI may use any port (RFC 8252 §7.3). */
export const isRedirectUriAllowed = (client: Redirecting, uri: unknown): boolean =>
  isAllowedBy(client, client.redirectUris, uri)

/** The same rule for post-logout redirect URIs. */
export const isPostLogoutRedirectUriAllowed = (
  client: Pick<Client, 'preset' | 'postLogoutRedirectUris'>,
  uri: unknown,
): boolean => isAllowedBy(client, client.postLogoutRedirectUris, uri)

function isAllowedBy(client: Pick<Client, 'preset'>, registered: readonly string[], uri: unknown): boolean {
  if (typeof uri !== 'string') return false
  if (registered.includes(uri)) return true
  if (presetRules[client.preset].applicationType !== 'native') return false
  const portless = withoutLoopbackPort(uri)
  return portless !== undefined && registered.some((known) => withoutLoopbackPort(known) === portless)
}

/** A loopback URI without its port; undefined for any other URI. */
export function withoutLoopbackPort(uri: string): string | undefined {
  const match = loopbackUri.exec(uri)
  if (!match || Number(match[2] ?? 80) > 65_535) return undefined
  return `${match[1]}${uri.slice(match[0].length)}`
}

const originsByClient = new WeakMap<Calling, ReadonlySet<string>>()

/** Origins that may call Claviger from a browser: registered ones and, for an SPA, those of its redirect URIs. */
export function allowedOrigins(client: Calling): ReadonlySet<string> {
  let origins = originsByClient.get(client)
  if (!origins) {
    const own = client.preset === 'spa' ? client.redirectUris.map(originOf) : []
    origins = new Set(
      [...client.origins, ...own].filter((origin) => origin !== undefined && origin !== 'null') as string[],
    )
    // Clients are immutable and leave the cache when they change, so a derived set can be cached with them.
    originsByClient.set(client, origins)
  }
  return origins
}

export const isOriginAllowed = (client: Calling, origin: unknown): boolean =>
  typeof origin === 'string' && allowedOrigins(client).has(origin)

const originOf = (uri: string): string | undefined => URL.parse(uri)?.origin
