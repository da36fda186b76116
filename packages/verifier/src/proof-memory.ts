/** Proofs that were shown, for as long as they could be shown again: two generations, so that nothing has to be swept. */
import type { Clock } from './clock.ts'

export class ProofMemory {
  readonly #clock: Clock
  readonly #spanMs: number
  readonly #most: number
  #young = new Set<string>()
  #old = new Set<string>()
  #turnedAt: number

  /** @param spanMs for how long a proof could be taken */
  constructor(clock: Clock, spanMs: number, most: number) {
    this.#clock = clock
    this.#spanMs = spanMs
    this.#most = most
    this.#turnedAt = clock.monotonicMs()
  }

  /** `full`: to forget one that could come again would be worse than to refuse this one. */
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
