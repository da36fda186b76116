/** Verified tokens by the digest of their text. Contains no refusals; a cached token is still checked for time and revocation. */

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

  /** A full cache evicts the oldest token that was not used since the last eviction (second chance). */
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
