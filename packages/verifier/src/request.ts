/** The parts of a request that concern its access token, as plain values for any framework. */
import type { Certificate } from './certificate.ts'

export interface VerifyRequest {
  /** The `Authorization` header. */
  authorization?: string | null | undefined
  /** The `DPoP` header. */
  dpop?: string | null | undefined
  /** For DPoP: `GET` … */
  method?: string
  /** For DPoP: the full URL as the client sees it. */
  url?: string
  /** For mutual TLS: the client's certificate, or a function that returns it. */
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
  // Another scheme counts as no token.
  if (scheme !== 'bearer' && scheme !== 'dpop') return 'none'
  return withToken(scheme === 'bearer' ? 'Bearer' : 'DPoP', space < 0 ? '' : authorization.slice(space + 1).trim())
}

const withToken = (scheme: Credentials['scheme'], token: string) => (token === '' ? 'malformed' : { scheme, token })

/** True for several tokens in one header. Checked only when the text is no JWS. */
export const isSeveral = (token: string): boolean => /[ ,]/.test(token)
