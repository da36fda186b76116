/** How a request is judged, and what is answered to one that is refused (RFC 6750, RFC 9449, RFC 9470). */
import type { FeedState } from './freshness.ts'

export type Verdict = Accepted | Refused

export interface Accepted {
  ok: true
  token: VerifiedToken
  /** What was known of revocations when this was decided. */
  state: FeedState
}

/** The claims of an access token that holds. */
export interface VerifiedToken {
  /** All claims, as signed. Frozen: it is shared by all requests of this token. */
  readonly claims: Readonly<Record<string, unknown>>
  /** `sub` */
  readonly subject: string
  /** `client_id` */
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
  /** Seconds since 1970. */
  readonly expiresAt: number
}

/** Why, as a stable word for logs and metrics. */
export type RefusalReason =
  | 'no_token'
  | 'malformed_request'
  | 'malformed_token'
  | 'wrong_type'
  | 'wrong_algorithm'
  | 'wrong_issuer'
  | 'unknown_key'
  | 'bad_signature'
  | 'missing_claim'
  | 'expired'
  | 'not_yet_valid'
  | 'wrong_audience'
  | 'revoked'
  | 'binding'
  | 'bad_proof'
  | 'proof_nonce'
  | 'insufficient_scope'
  | 'step_up'
  | 'unavailable'

export interface Refused {
  ok: false
  reason: RefusalReason
  status: 400 | 401 | 403 | 503
  /** OAuth error code; undefined when there was no token at all (RFC 6750 §3.1). */
  error: string | undefined
  /** A sentence that is safe to send. */
  description: string
  /** `WWW-Authenticate`, `Retry-After`, `DPoP-Nonce`, `Cache-Control`. */
  headers: Record<string, string>
  /** What to send as JSON. */
  body: { error?: string; error_description: string }
}

/** Seconds after which a 503 may be asked again. */
const retryAfter = 5

type Told = [status: 400 | 401 | 403, error: string | undefined, description: string]

const told: Record<Exclude<RefusalReason, 'unavailable'>, Told> = {
  no_token: [401, undefined, 'An access token is needed'],
  malformed_request: [400, 'invalid_request', 'The request does not carry exactly one access token'],
  malformed_token: [401, 'invalid_token', 'The access token is malformed'],
  wrong_type: [401, 'invalid_token', 'This is not an access token'],
  wrong_algorithm: [401, 'invalid_token', 'The access token is signed with an algorithm that is not allowed'],
  wrong_issuer: [401, 'invalid_token', 'The access token is from another issuer'],
  unknown_key: [401, 'invalid_token', 'The access token is signed with an unknown key'],
  bad_signature: [401, 'invalid_token', 'The signature of the access token does not hold'],
  missing_claim: [401, 'invalid_token', 'The access token lacks a claim that it must have'],
  expired: [401, 'invalid_token', 'The access token has expired'],
  not_yet_valid: [401, 'invalid_token', 'The access token is not valid yet'],
  wrong_audience: [401, 'invalid_token', 'The access token is for another API'],
  revoked: [401, 'invalid_token', 'The access token was revoked'],
  binding: [401, 'invalid_token', 'The access token is bound to a key that was not shown'],
  bad_proof: [401, 'invalid_dpop_proof', 'The DPoP proof does not hold'],
  proof_nonce: [401, 'use_dpop_nonce', 'The DPoP proof must contain the nonce that this answer gives'],
  insufficient_scope: [403, 'insufficient_scope', 'The access token does not allow this'],
  step_up: [401, 'insufficient_user_authentication', 'A stronger or more recent sign-in is needed'],
}

export interface ChallengeStyle {
  /** The scheme that the client used, or those it may use. */
  schemes: readonly ('Bearer' | 'DPoP')[]
  /** For `DPoP algs`. */
  proofAlgorithms: readonly string[]
}

export function refuse(
  reason: Exclude<RefusalReason, 'unavailable'>,
  { schemes, proofAlgorithms }: ChallengeStyle,
  parameters: Record<string, string> = {},
  headers: Record<string, string> = {},
): Refused {
  const [status, error, description] = told[reason]
  const details = error === undefined ? [] : [`error="${error}"`, `error_description="${description}"`]
  for (const [name, value] of Object.entries(parameters)) details.push(`${name}="${value}"`)
  const challenges = schemes.map((scheme) => {
    const all = scheme === 'DPoP' ? [...details, `algs="${proofAlgorithms.join(' ')}"`] : details
    return all.length === 0 ? scheme : `${scheme} ${all.join(', ')}`
  })
  return {
    ok: false,
    reason,
    status,
    error,
    description,
    headers: { 'WWW-Authenticate': challenges.join(', '), 'Cache-Control': 'no-store', ...headers },
    body: { ...(error === undefined ? {} : { error }), error_description: description },
  }
}

/** Not 401: the token may be as good as ever, and nobody should have to sign in anew because of an outage. */
export function unavailable(): Refused {
  const error = 'temporarily_unavailable'
  const description = 'Whether the access token still holds cannot be said at the moment'
  return {
    ok: false,
    reason: 'unavailable',
    status: 503,
    error,
    description,
    headers: { 'Retry-After': String(retryAfter), 'Cache-Control': 'no-store' },
    body: { error, error_description: description },
  }
}
