/** A compact JWS taken apart, before anything is believed. */
import { isObject, jsonObject } from './base64url.ts'
import type { CompactJws } from './platform.ts'

/** Far more than any access token needs, far less than would be work to refuse. */
export const longestToken = 8_192

const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/

export interface OpenedJws extends CompactJws {
  header: Record<string, unknown> & { alg: string; kid: string }
  payload: Record<string, unknown>
}

/** Undefined when this is no compact JWS, has no `kid`, or wants something understood (`crit`) that we do not. */
export function openJws(text: string, longest = longestToken): OpenedJws | undefined {
  if (text.length > longest || !shape.test(text)) return undefined
  const dot = text.indexOf('.')
  const signedLength = text.lastIndexOf('.')
  const header = jsonObject(text.slice(0, dot))
  if (!header || typeof header.alg !== 'string' || typeof header.kid !== 'string' || 'crit' in header) return undefined
  const payload = jsonObject(text.slice(dot + 1, signedLength))
  return payload && { text, signedLength, header: header as OpenedJws['header'], payload }
}

/** Only its header and payload's issuer, for tokens whose signature says whether to go on. */
export const isAccessTokenType = (typ: unknown): boolean =>
  typeof typ === 'string' && /^(?:application\/)?at\+jwt$/i.test(typ)

export const confirmationOf = (claims: Record<string, unknown>): Record<string, unknown> | undefined =>
  isObject(claims.cnf) ? claims.cnf : undefined
