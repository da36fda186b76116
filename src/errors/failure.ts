/**
 * errors holds the one way in which Claviger says no. A `Failure` is something
 * we expected could go wrong; whatever else is thrown is a bug of ours.
 * This room knows nothing of HTTP, OAuth or SQL: each edge keeps its own table
 * from `FailureKind` to a status or an exit code.
 */
export type FailureKind =
  /** The input is wrong; sending it again unchanged cannot help. */
  | 'invalid'
  /** The caller may not do this. */
  | 'denied'
  /** What was named does not exist. */
  | 'missing'
  /** It clashes with what is there already. */
  | 'conflict'
  /** Too often, too fast; later it may work. */
  | 'throttled'
  /** Something we depend on is away or full; later it will work. */
  | 'unavailable'

export interface FailureOptions {
  /** What lay beneath; goes to the log, never to a person or a program outside. */
  cause?: unknown
  /** Plain values for the log that explain the refusal; no secrets. */
  detail?: Record<string, unknown>
  /** For `throttled` and `unavailable`: seconds after which trying again makes sense. */
  retryAfterSeconds?: number
}

/**
 * Speaks to three readers: `code` (stable, snake_case) to programs, `message`
 * (one safe sentence that says what to do) to people, `cause` and `detail` to the log.
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
