/** Parses a compact JWS. Verifies nothing. */
import { isObject, jsonObject } from './base64url.ts'
import type { CompactJws } from './platform.ts'

/** Longer than any access token, and short enough to be refused at no cost. */
export const longestToken = 8_192

const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

export interface OpenedJws extends CompactJws {
  header: Record<string, unknown> & { alg: string; kid: string }
  payload: Record<string, unknown>
}

/** Undefined when the text is no compact JWS, has no `kid`, or has `crit`, which is not supported. */
export function openJws(text: string, longest = longestToken): OpenedJws | undefined {
  if (text.length > longest || !shape.test(text)) return undefined
  const dot = text.indexOf('.')
  const signedLength = text.lastIndexOf('.')
  const header = jsonObject(text.slice(0, dot))
  if (!header || typeof header.alg !== 'string' || typeof header.kid !== 'string' || 'crit' in header) return undefined
  const payload = jsonObject(text.slice(dot + 1, signedLength))
  return payload && { text, signedLength, header: header as OpenedJws['header'], payload }
}

/** Is this the `typ` of an access token (RFC 9068 §2.1)? */
export const isAccessTokenType = (typ: unknown): boolean =>
  typeof typ === 'string' && /^(?:application\/)?at\+jwt$/i.test(typ)

export const confirmationOf = (claims: Record<string, unknown>): Record<string, unknown> | undefined =>
  isObject(claims.cnf) ? claims.cnf : undefined
