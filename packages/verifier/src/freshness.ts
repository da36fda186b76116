/** How old is what we know? Counted by the monotonic clock, so that no wall clock can make it young. */
import type { Clock } from './clock.ts'

/**
 * - `FRESH`: the feed was heard within five seconds; tokens are decided offline.
 * - `STALE`: not heard for longer, but no longer than `maxStaleMs`; as FRESH, except for routes of high sensitivity.
 * - `BLIND`: not heard for too long; 503, so that an outage signs nobody out.
 * - `COLD`: nothing known yet; not ready, 503.
 * - `OFF`: no feed is followed.
 */
export type FeedState = 'FRESH' | 'STALE' | 'BLIND' | 'COLD' | 'OFF'

/** A signed time this far from ours proves freshness. */
const signedWithinMs = 5_000
const freshMs = 5_000

export class Freshness {
  readonly #clock: Clock
  readonly #maxStaleMs: number
  /** On the monotonic clock. */
  #provenAt: number | undefined
  /** The newest signed time: the issuer's clock, by which entries are forgotten. */
  #signedSeconds = 0
  #heardLive = false

  constructor(clock: Clock, maxStaleMs: number) {
    this.#clock = clock
    this.#maxStaleMs = maxStaleMs
  }

  /** A frame that was in order arrived. True when it proves that what we know is new. */
  prove(iat: number): boolean {
    if (!this.isTimely(iat)) return false
    this.#signedSeconds = Math.max(this.#signedSeconds, iat)
    this.#provenAt = this.#clock.monotonicMs()
    this.#heardLive = true
    return true
  }

  /** What came from disk is as old as its signature says. */
  remember(iat: number): void {
    const age = this.#clock.wallMs() - iat * 1000
    if (age < -signedWithinMs) return
    this.#signedSeconds = Math.max(this.#signedSeconds, iat)
    // At least stale: nothing from disk is called fresh.
    const provenAt = this.#clock.monotonicMs() - Math.max(age, freshMs + 1)
    this.#provenAt = Math.max(this.#provenAt ?? provenAt, provenAt)
  }

  isTimely(iat: number): boolean {
    return Math.abs(this.#clock.wallMs() - iat * 1000) <= signedWithinMs
  }

  /** Infinite when nothing was ever heard. */
  get ageMs(): number {
    return this.#provenAt === undefined ? Number.POSITIVE_INFINITY : this.#clock.monotonicMs() - this.#provenAt
  }

  /** @param isComplete is there a snapshot, and does it fit our limits? */
  state(hasSnapshot: boolean, isComplete: boolean): Exclude<FeedState, 'OFF'> {
    if (!hasSnapshot) return 'COLD'
    const age = this.ageMs
    if (isComplete && age <= freshMs) return 'FRESH'
    if (isComplete && age <= this.#maxStaleMs) return 'STALE'
    return this.#heardLive ? 'BLIND' : 'COLD'
  }

  /**
   * Entries that expired before this second concern no token that we would take.
   * By the issuer's clock as well as ours: a wall clock that once ran ahead must not make us forget.
   */
  get forgetBefore(): number {
    return Math.min(this.#signedSeconds, Math.floor(this.#clock.wallMs() / 1000)) - 60
  }
}
