/** The requirements of a route for a valid token. */
import type { Clock } from './clock.ts'
import type { VerifiedToken } from './verdict.ts'

export interface Requirements {
  /** Every scope must be granted. A string may name several scopes, separated by spaces. */
  scope?: string | readonly string[]
  /** `high`: the issuer is asked when the feed is not fresh. Default `normal`. */
  sensitivity?: 'normal' | 'high'
  /** Asks the issuer for every request: no delay of revocations, one round trip per request. */
  introspect?: boolean
  /** Maximum seconds since the person signed in; otherwise the response requires a new sign-in (RFC 9470). */
  maxAge?: number
  /** Accepted values of `acr`; otherwise the response requires one of them (RFC 9470). */
  acr?: string | readonly string[]
}

export type Unmet = { reason: 'insufficient_scope' | 'step_up'; parameters: Record<string, string> }

/** @param tolerance allowed difference of clocks in seconds */
export function unmet(
  { scopes, claims }: VerifiedToken,
  { scope, maxAge, acr }: Requirements,
  clock: Clock,
  tolerance: number,
): Unmet | undefined {
  if (scope !== undefined && !hasAll(scopes, scope)) {
    return { reason: 'insufficient_scope', parameters: { scope: quotable([scope].flat().join(' ')) } }
  }
  if (acr === undefined && maxAge === undefined) return undefined
  const parameters: Record<string, string> = {}
  const accepted = acr === undefined ? undefined : typeof acr === 'string' ? acr.split(' ') : acr
  if (accepted && !accepted.includes(String(claims.acr))) parameters.acr_values = quotable(accepted.join(' '))
  if (maxAge !== undefined) {
    const { auth_time: signedInAt } = claims
    const latest = clock.wallMs() / 1000 - tolerance
    if (typeof signedInAt !== 'number' || latest - signedInAt > maxAge) parameters.max_age = String(maxAge)
  }
  return Object.keys(parameters).length === 0 ? undefined : { reason: 'step_up', parameters }
}

function hasAll(granted: ReadonlySet<string>, wanted: string | readonly string[]): boolean {
  if (typeof wanted === 'string') {
    return granted.has(wanted) || wanted.split(' ').every((scope) => scope === '' || granted.has(scope))
  }
  return wanted.every((scope) => granted.has(scope))
}

/** Removes characters that a quoted string of a header cannot contain. */
const quotable = (text: string) => text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
