/** The ledger's row of an access token: its names in the log, its digest, and its index in a status list. */
import { hash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { marksOf, type TokenMarks } from './revocation.ts'
import { placeFrom, type StatusPlace } from './status-place.ts'

export interface IssuedToken extends StatusPlace, LedgerEntry {
  marks: TokenMarks
}

/** The key of a token's row in the ledger, if there is one: the hour of its expiry, and its jti. */
export interface LedgerEntry {
  /** SHA-256 of the whole token. A forger can copy a jti, but not this. */
  digest: Buffer
  /** Seconds since the epoch. */
  exp: number
}

export const tokenDigest = (jwt: string): Buffer => hash('sha256', jwt, 'buffer')

/** @param jwt a token that this process has just signed, so its claims are trusted */
export function issuedToken(jwt: string, issuer: string): IssuedToken {
  const claims = decodeJwt(jwt)
  const place = placeFrom(claims.status, issuer)
  if (!place || claims.exp === undefined) throw new Error('an access token was issued without a place in a status list')
  const marks = marksOf(claims, decodeProtectedHeader(jwt).kid)
  return { ...place, marks, digest: tokenDigest(jwt), exp: claims.exp }
}
