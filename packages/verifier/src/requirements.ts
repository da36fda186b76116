/** What a route demands of a token that holds. */
import type { Clock } from './clock.ts'
import type { VerifiedToken } from './verdict.ts'

export interface Requirements {
  /** All of them must be granted. A text may name several, with spaces between. */
  scope?: string | readonly string[]
  /** `high`: when the feed is not fresh, ask the issuer instead of trusting what was known. Default `normal`. */
  sensitivity?: 'normal' | 'high'
  /** Ask the issuer about every request: no window at all, and one round trip each. */
  introspect?: boolean
  /** Seconds since the person last signed in; older answers with a demand for a new sign-in (RFC 9470). */
  maxAge?: number
  /** One of these ways of signing in (`acr`), else a demand for it (RFC 9470). */
  acr?: string | readonly string[]
}

export type Unmet = { reason: 'insufficient_scope' | 'step_up'; parameters: Record<string, string> }

/** @param tolerance seconds by which clocks may differ */
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

/** Within a quoted string of a header. */
const quotable = (text: string) => text.replace(/[^\x20-\x21\x23-\x5b\x5d-\x7e]/g, '')
