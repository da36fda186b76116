/** Used proofs, remembered while they could be replayed. Two generations make a cleanup unnecessary. */
import type { Clock } from './clock.ts'

export class ProofMemory {
  readonly #clock: Clock
  readonly #spanMs: number
  readonly #most: number
  #young = new Set<string>()
  #old = new Set<string>()
  #turnedAt: number

  /** @param spanMs how long a proof can be accepted */
  constructor(clock: Clock, spanMs: number, most: number) {
    this.#clock = clock
    this.#spanMs = spanMs
    this.#most = most
    this.#turnedAt = clock.monotonicMs()
  }

  /** `full`: the proof is refused, since removing another one would allow its replay. */
  remember(name: string): 'new' | 'replayed' | 'full' {
    const elapsed = this.#clock.monotonicMs() - this.#turnedAt
    if (elapsed >= this.#spanMs) {
      this.#old = elapsed >= 2 * this.#spanMs ? new Set() : this.#young
      this.#young = new Set()
      this.#turnedAt = this.#clock.monotonicMs()
    }
    if (this.#young.has(name) || this.#old.has(name)) return 'replayed'
    if (this.#young.size + this.#old.size >= this.#most) return 'full'
    this.#young.add(name)
    return 'new'
  }
}
