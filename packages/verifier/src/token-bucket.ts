/** A rate limit: `burst` at once, then one per `everyMs`. */
import type { Clock } from './clock.ts'

export class TokenBucket {
  readonly #clock: Clock
  readonly #burst: number
  readonly #everyMs: number
  #left: number
  #filledAt: number

  constructor(clock: Clock, burst: number, everyMs: number) {
    this.#clock = clock
    this.#burst = burst
    this.#everyMs = everyMs
    this.#left = burst
    this.#filledAt = clock.monotonicMs()
  }

  take(): boolean {
    const now = this.#clock.monotonicMs()
    const filled = Math.floor((now - this.#filledAt) / this.#everyMs)
    if (filled > 0) {
      this.#left = Math.min(this.#burst, this.#left + filled)
      this.#filledAt += filled * this.#everyMs
    }
    if (this.#left === 0) return false
    this.#left -= 1
    return true
  }
}
