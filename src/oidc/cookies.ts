/** Names and attributes of our cookies, all following from the issuer. */
import type { KoaContextWithOIDC } from 'oidc-provider'

export interface CookieSettings {
  engine: {
    names: { session: string; interaction: string; resume: string }
    long: Record<string, unknown>
    short: Record<string, unknown>
    keys: string[]
  }
  /** Path of an interaction's page: the interaction cookie is sent there and nowhere else. */
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
    interactionPath: (_ctx, uid) => `${base}/interaction/${uid}`,
  }
}
