/** Checks the claims of an access token (RFC 9068 §2.2) and its times. */
import type { RefusalReason } from './verdict.ts'

export interface ClaimRules {
  issuer: string
  audiences: readonly string[]
  /** Seconds. */
  tolerance: number
}

type Claims = Readonly<Record<string, unknown>>
type Fault = Extract<RefusalReason, 'wrong_issuer' | 'missing_claim' | 'wrong_audience'>

/** The fixed claims of a token, checked once. */
export function claimsFault(claims: Claims, { issuer, audiences }: ClaimRules): Fault | undefined {
  if (claims.iss !== issuer) return 'wrong_issuer'
  for (const name of ['sub', 'client_id', 'jti']) {
    if (typeof claims[name] !== 'string' || claims[name] === '') return 'missing_claim'
  }
  if (!Number.isFinite(claims.exp) || !Number.isFinite(claims.iat)) return 'missing_claim'
  if (claims.nbf !== undefined && !Number.isFinite(claims.nbf)) return 'missing_claim'
  const { aud } = claims
  const isForUs = Array.isArray(aud) ? aud.some((one) => audiences.includes(one)) : audiences.includes(aud as string)
  return isForUs ? undefined : 'wrong_audience'
}

/** The times of a token, checked for every request. */
export function timeFault(
  exp: number,
  notBefore: number,
  nowSeconds: number,
  tolerance: number,
): 'expired' | 'not_yet_valid' | undefined {
  if (nowSeconds >= exp + tolerance) return 'expired'
  return nowSeconds < notBefore - tolerance ? 'not_yet_valid' : undefined
}
