/**
 * errors holds `Failure`, the one class of expected errors. Any other thrown
 * error is a bug. This room knows nothing of HTTP, OAuth or SQL: each edge
 * keeps its own table from `FailureKind` to a status or an exit code.
 */
export type FailureKind =
  /** The input is wrong; a retry with the same input fails again. */
  | 'invalid'
  /** The caller may not do this. */
  | 'denied'
  /** The named object does not exist. */
  | 'missing'
  /** It conflicts with an existing object. */
  | 'conflict'
  /** Too many requests; a later retry may succeed. */
  | 'throttled'
  /** A dependency is unavailable or full; retry later. */
  | 'unavailable'

export interface FailureOptions {
  /** The underlying error. Logged, never shown to a person or sent to another program. */
  cause?: unknown
  /** Plain values for the log that explain the refusal; no secrets. */
  detail?: Record<string, unknown>
  /** For `throttled` and `unavailable`: seconds until a retry makes sense. */
  retryAfterSeconds?: number
}

/**
 * Has three readers: programs read `code` (stable, snake_case), people read
 * `message` (one safe sentence that says what to do), the log gets `cause` and `detail`.
 */
export class Failure extends Error {
  override readonly name = 'Failure'
  readonly code: string
  readonly kind: FailureKind
  readonly detail: Record<string, unknown>
  readonly retryAfterSeconds: number | undefined

  constructor(code: string, kind: FailureKind, sentence: string, options: FailureOptions = {}) {
    super(sentence, { cause: options.cause })
    this.code = code
    this.kind = kind
    this.detail = options.detail ?? {}
    this.retryAfterSeconds = options.retryAfterSeconds
  }
}
