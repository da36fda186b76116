/** A request as far as its access token goes, in plain values, so that any framework will do. */
import type { Certificate } from './certificate.ts'

export interface VerifyRequest {
  /** The `Authorization` header. */
  authorization?: string | null | undefined
  /** The `DPoP` header. */
  dpop?: string | null | undefined
  /** For DPoP: `GET` … */
  method?: string
  /** For DPoP: the whole URL as the client sees it. */
  url?: string
  /** For mutual TLS: the client's certificate, or how to get it. */
  certificate?: Certificate | (() => Certificate | undefined) | undefined
}

export interface Credentials {
  scheme: 'Bearer' | 'DPoP'
  token: string
}

/** RFC 6750 §2.1. The scheme's name is case-insensitive (RFC 9110 §11.1). */
export function credentialsOf(authorization: string | null | undefined): Credentials | 'none' | 'malformed' {
  if (!authorization) return 'none'
  if (authorization.startsWith('Bearer ')) return withToken('Bearer', authorization.slice(7))
  const space = authorization.indexOf(' ')
  const scheme = (space < 0 ? authorization : authorization.slice(0, space)).toLowerCase()
  // Another scheme is another matter: as if there were no token.
  if (scheme !== 'bearer' && scheme !== 'dpop') return 'none'
  return withToken(scheme === 'bearer' ? 'Bearer' : 'DPoP', space < 0 ? '' : authorization.slice(space + 1).trim())
}

const withToken = (scheme: Credentials['scheme'], token: string) => (token === '' ? 'malformed' : { scheme, token })

/** Several in one header; looked at only when the text is no token that is known. */
export const isSeveral = (token: string): boolean => /[ ,]/.test(token)
