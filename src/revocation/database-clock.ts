/**
 * The database's clock, as this process estimates it from each read of the log. All nodes use it to revoke, to date
 * frames and to expire entries. So a machine with a wrong clock cannot pass off old news as new, or drop an entry
 * early. A node also uses it to detect that its own clock is wrong.
 */

import { Failure } from '../errors/failure.ts'

/** The time of a query or response, by both clocks of this machine. */
export interface Moment {
  wallMs: number
  monotonicMs: number
}

export const thisMoment = (): Moment => ({ wallMs: Date.now(), monotonicMs: performance.now() })

/** With a larger offset, a new token could survive a cut-off, or be revoked when it is issued. */
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

  /** Takes a new time from the database, which was queried at `askedAt`. */
  update(databaseMs: number, askedAt: Moment): void {
    this.#databaseMs = databaseMs
    this.#askedAt = askedAt
    this.#answeredAt = this.#moment()
  }

  /**
   * Milliseconds since 1970, never later than the true time, since the delay of the response is unknown. The node's
   * wall clock is not used.
   */
  get nowMs(): number {
    return this.#databaseMs + this.#moment().monotonicMs - this.#answeredAt.monotonicMs
  }

  get nowSeconds(): number {
    return Math.floor(this.nowMs / 1000)
  }

  /**
   * The smallest possible lead of this node's wall clock over the database's; negative when it is behind. It detects a
   * jump at once, also without the database.
   */
  get offsetMs(): number {
    const most = this.#moment().wallMs - this.nowMs
    // The database read its clock at some time between query and response.
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
    'The clock of this node is wrong, so it issues no tokens. Set the clock, for example by NTP.',
    {
      retryAfterSeconds: 5,
      detail: { offset_ms: Math.round(clock.offsetMs) },
    },
  )
}
