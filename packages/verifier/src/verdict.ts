/** The verdict on a request, and the response to a refused one (RFC 6750, RFC 9449, RFC 9470). */
import type { FeedState } from './freshness.ts'

export type Verdict = Accepted | Refused

export interface Accepted {
  ok: true
  token: VerifiedToken
  /** State of the feed at the time of the verdict. */
  state: FeedState
}

/** A valid access token. */
export interface VerifiedToken {
  /** All claims, as signed. Frozen, since all requests with this token share the object. */
  readonly claims: Readonly<Record<string, unknown>>
  /** `sub` */
  readonly subject: string
  /** `client_id` */
  readonly clientId: string
  readonly scopes: ReadonlySet<string>
  /** Seconds since 1970. */
  readonly expiresAt: number
}

/** The reason of a refusal, as a stable word for logs and metrics. */
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
  /** OAuth error code; undefined when the request has no token (RFC 6750 §3.1). */
  error: string | undefined
  /** A sentence that is safe to send. */
  description: string
  /** `WWW-Authenticate`, `Retry-After`, `DPoP-Nonce`, `Cache-Control`. */
  headers: Record<string, string>
  /** The JSON body of the response. */
  body: { error?: string; error_description: string }
}

/** Seconds until a retry after a 503. */
const retryAfter = 5

type Refusal = [status: 400 | 401 | 403, error: string | undefined, description: string]

const refusals: Record<Exclude<RefusalReason, 'unavailable'>, Refusal> = {
  no_token: [401, undefined, 'An access token is required'],
  malformed_request: [400, 'invalid_request', 'The request does not contain exactly one access token'],
  malformed_token: [401, 'invalid_token', 'The access token is malformed'],
  wrong_type: [401, 'invalid_token', 'This is not an access token'],
  wrong_algorithm: [401, 'invalid_token', 'The access token is signed with an algorithm that is not allowed'],
  wrong_issuer: [401, 'invalid_token', 'The access token is from another issuer'],
  unknown_key: [401, 'invalid_token', 'The access token is signed with an unknown key'],
  bad_signature: [401, 'invalid_token', 'The signature of the access token is invalid'],
  missing_claim: [401, 'invalid_token', 'The access token lacks a required claim'],
  expired: [401, 'invalid_token', 'The access token has expired'],
  not_yet_valid: [401, 'invalid_token', 'The access token is not valid yet'],
  wrong_audience: [401, 'invalid_token', 'The access token is for another API'],
  revoked: [401, 'invalid_token', 'The access token was revoked'],
  binding: [401, 'invalid_token', 'The access token is bound to a key that the request does not prove'],
  bad_proof: [401, 'invalid_dpop_proof', 'The DPoP proof is invalid'],
  proof_nonce: [401, 'use_dpop_nonce', 'The DPoP proof must contain the nonce of this response'],
  insufficient_scope: [403, 'insufficient_scope', 'The access token does not allow this'],
  step_up: [401, 'insufficient_user_authentication', 'A stronger or more recent sign-in is required'],
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
  const [status, error, description] = refusals[reason]
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

/** Not 401: the token may be valid, and an outage must not force people to sign in again. */
export function unavailable(): Refused {
  const error = 'temporarily_unavailable'
  const description = 'The access token cannot be checked right now. Try again later'
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
