/**
 * The database's clock, as this process reckons it from each look at the log.
 * By it all nodes revoke, stamp frames and forget: a machine whose own clock is
 * wrong must neither call old news new nor forget an entry before its time.
 * And by it a node knows that its own clock is wrong.
 */

import { Failure } from '../errors/failure.ts'

/** When something was asked or answered, by both clocks of this machine. */
export interface Moment {
  wallMs: number
  monotonicMs: number
}

export const thisMoment = (): Moment => ({ wallMs: Date.now(), monotonicMs: performance.now() })

/** Tokens stamped by a clock that is off by more could outlive a cut-off, or be void when they are issued. */
export const mostOffsetMs = 2_000

export class DatabaseClock {
  readonly #moment: () => Moment
  #databaseMs: number
  #askedAt: Moment
  #answeredAt: Moment

  constructor(databaseMs: number, askedAt: Moment, moment: () => Moment = thisMoment) {
    this.#moment = moment
    this.#databaseMs = databaseMs
    this.#askedAt = askedAt
    this.#answeredAt = moment()
  }

  /** The database has just said what time it is; it was asked at `askedAt`. */
  heard(databaseMs: number, askedAt: Moment): void {
    this.#databaseMs = databaseMs
    this.#askedAt = askedAt
    this.#answeredAt = this.#moment()
  }

  /** Milliseconds since 1970, never later than it is: how long the answer was on its way is unknown. No wall clock of ours counts. */
  get nowMs(): number {
    return this.#databaseMs + this.#moment().monotonicMs - this.#answeredAt.monotonicMs
  }

  get nowSeconds(): number {
    return Math.floor(this.nowMs / 1000)
  }

  /** How far our wall clock is ahead of the database's, at the least; negative: behind. A jump shows at once, also while the database is away. */
  get offsetMs(): number {
    const most = this.#moment().wallMs - this.nowMs
    // The database looked at its clock at some time between question and answer.
    const least = most - (this.#answeredAt.monotonicMs - this.#askedAt.monotonicMs)
    return least > 0 ? least : Math.min(most, 0)
  }

  get isOff(): boolean {
    return Math.abs(this.offsetMs) > mostOffsetMs
  }
}

/** @throws Failure `clock_off` */
export function refuseWrongClock(clock: DatabaseClock): void {
  if (!clock.isOff) return
  throw new Failure(
    'clock_off',
    'unavailable',
    'No tokens are issued here until the clock of this node is set right.',
    {
      retryAfterSeconds: 5,
      detail: { offset_ms: Math.round(clock.offsetMs) },
    },
  )
}
