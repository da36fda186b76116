/** Verified tokens by the digest of their text. Holds no refusals, and never decides: what it gives is looked at again. */

export class TokenCache<T extends object> {
  readonly #most: number
  readonly #held = new Map<string, { value: T; used: boolean }>()

  constructor(most: number) {
    this.#most = most
  }

  get size(): number {
    return this.#held.size
  }

  get(name: string): T | undefined {
    const found = this.#held.get(name)
    if (!found) return undefined
    found.used = true
    return found.value
  }

  /** When it is full, the oldest that was not used since it last came by leaves (second chance). */
  set(name: string, value: T): void {
    if (this.#most === 0) return
    if (this.#held.size >= this.#most && !this.#held.has(name)) this.#evict()
    this.#held.set(name, { value, used: false })
  }

  delete(name: string): void {
    this.#held.delete(name)
  }

  #evict(): void {
    for (const [name, entry] of this.#held) {
      this.#held.delete(name)
      if (!entry.used) return
      entry.used = false
      this.#held.set(name, entry)
    }
  }
}
