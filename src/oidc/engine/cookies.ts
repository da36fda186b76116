/** Names and attributes of Claviger's cookies, derived from the issuer. */
import { createHash } from 'node:crypto'
import type { KoaContextWithOIDC } from 'oidc-provider'

export interface CookieSettings {
  engine: {
    names: { session: string; interaction: string; resume: string }
    long: Record<string, unknown>
    short: Record<string, unknown>
    keys: string[]
  }
  /** Prefix of cookies for the whole issuer: `__Host-`, unless a path or plain HTTP forbids it. */
  hostPrefix: string
  /** Path of an interaction's page. Browsers send the interaction cookie to this path only. */
  interactionPath(ctx: KoaContextWithOIDC | undefined, uid: string): string
}

export function cookieSettings(issuer: string, keys: readonly string[]): CookieSettings {
  const { protocol, pathname } = new URL(issuer)
  const isSecure = protocol === 'https:'
  const base = pathname === '/' ? '' : pathname
  // RFC 6265bis §4.1.3: __Host- only at the root path, __Secure- elsewhere; neither without Secure.
  const hostPrefix = isSecure ? (base === '' ? '__Host-' : '__Secure-') : ''
  const pathPrefix = isSecure ? '__Secure-' : ''
  const shared = { httpOnly: true, sameSite: 'lax', secure: isSecure, signed: true, overwrite: true }
  return {
    engine: {
      names: {
        session: `${hostPrefix}claviger_session`,
        interaction: `${pathPrefix}claviger_interaction`,
        resume: `${pathPrefix}claviger_resume`,
      },
      long: { ...shared, path: base === '' ? '/' : base },
      short: shared,
      keys: [...keys],
    },
    hostPrefix,
    interactionPath: (_ctx, uid) => `${base}/interaction/${uid}`,
  }
}

/** All values of one name in a Cookie header. Another subdomain may have set further cookies of the same name. */
export const cookieValues = (header: string, name: string): string[] =>
  header
    .split(';')
    .map((pair) => pair.trim())
    .filter((pair) => pair.startsWith(`${name}=`))
    .map((pair) => pair.slice(name.length + 1))

/** A short digest for a cookie's name, where each interaction or origin has its own cookie. */
export const shortDigest = (text: string): string => createHash('sha256').update(text).digest('base64url').slice(0, 11)
