/** Measures the age of the known revocations by the monotonic clock, so that a wrong wall clock cannot lower it. */
import type { Clock } from './clock.ts'

/**
 * - `FRESH`: the last message came within five seconds; tokens are checked offline.
 * - `STALE`: no message for longer, up to `maxStaleMs`; as FRESH, except for routes of high sensitivity.
 * - `BLIND`: no message for longer than `maxStaleMs`; 503, so that an outage signs out no person.
 * - `COLD`: no snapshot yet; not ready, 503.
 * - `OFF`: no feed is followed.
 */
export type FeedState = 'FRESH' | 'STALE' | 'BLIND' | 'COLD' | 'OFF'

/** Maximum difference between a signed time and this clock that proves freshness. */
const signedWithinMs = 5_000
const freshMs = 5_000

export class Freshness {
  readonly #clock: Clock
  readonly #maxStaleMs: number
  /** On the monotonic clock. */
  #provenAt: number | undefined
  /** The newest signed time, from the issuer's clock. It decides when entries are removed. */
  #signedSeconds = 0
  #heardLive = false

  constructor(clock: Clock, maxStaleMs: number) {
    this.#clock = clock
    this.#maxStaleMs = maxStaleMs
  }

  /** Call for each frame in order. True when its time proves freshness. */
  prove(iat: number): boolean {
    if (!this.isTimely(iat)) return false
    this.#signedSeconds = Math.max(this.#signedSeconds, iat)
    this.#provenAt = this.#clock.monotonicMs()
    this.#heardLive = true
    return true
  }

  /** Sets the age of a stored feed from its signed time. */
  remember(iat: number): void {
    const age = this.#clock.wallMs() - iat * 1000
    if (age < -signedWithinMs) return
    this.#signedSeconds = Math.max(this.#signedSeconds, iat)
    // Never FRESH from disk: the age is at least that of STALE.
    const provenAt = this.#clock.monotonicMs() - Math.max(age, freshMs + 1)
    this.#provenAt = Math.max(this.#provenAt ?? provenAt, provenAt)
  }

  isTimely(iat: number): boolean {
    return Math.abs(this.#clock.wallMs() - iat * 1000) <= signedWithinMs
  }

  /** Infinity before the first message. */
  get ageMs(): number {
    return this.#provenAt === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() - this.#provenAt
  }

  /** @param isComplete every entry is in memory, within `maxEntries` */
  state(hasSnapshot: boolean, isComplete: boolean): Exclude<FeedState, 'OFF'> {
    if (!hasSnapshot) return 'COLD'
    const age = this.ageMs
    if (isComplete && age <= freshMs) return 'FRESH'
    if (isComplete && age <= this.#maxStaleMs) return 'STALE'
    return this.#heardLive ? 'BLIND' : 'COLD'
  }

  /**
   * Entries that expired before this second match no token that is still accepted.
   * The earlier of two clocks counts, so that a wall clock ahead of time removes no entry too early.
   */
  get forgetBefore(): number {
    return Math.min(this.#signedSeconds, Math.floor(this.#clock.wallMs() / 1000)) - 60
  }
}
