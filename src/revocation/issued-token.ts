/** What the ledger keeps of an access token: how it may be named in the log, its digest, and its place in a status list. */
import { hash } from 'node:crypto'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { marksOf, type TokenMarks } from './revocation.ts'
import { placeFrom, type StatusPlace } from './status-place.ts'

export interface IssuedToken extends StatusPlace, LedgerEntry {
  marks: TokenMarks
}

/** Where a token stands in the ledger, if it does: in the hour of its expiry, under its jti. */
export interface LedgerEntry {
  /** SHA-256 of the whole token: a forger can copy a jti, but not this. */
  digest: Buffer
  /** Seconds since the epoch. */
  exp: number
}

export const tokenDigest = (jwt: string): Buffer => hash('sha256', jwt, 'buffer')

/** @param jwt one that was just signed here, so it is taken at its word */
export function issuedToken(jwt: string, issuer: string): IssuedToken {
  const claims = decodeJwt(jwt)
  const place = placeFrom(claims.status, issuer)
  if (!place || claims.exp === undefined) throw new Error('an access token was issued without a place in a status list')
  const marks = marksOf(claims, decodeProtectedHeader(jwt).kid)
  return { ...place, marks, digest: tokenDigest(jwt), exp: claims.exp }
}
