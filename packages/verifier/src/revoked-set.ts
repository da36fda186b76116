/**
 * The revoked keys, in typed arrays with open addressing: 24 bytes per slot and
 * about 100 ns per look-up with a million entries. A Map of strings takes four
 * times as much. For each key the greatest cut-off and the greatest expiry count,
 * so duplicates and reordering change nothing.
 */

/** A cut-off above every `iat`. */
export const always = 0xffffffff

const fewest = 1 << 10

export class RevokedSet {
  #slots = fewest
  #keys = new Uint32Array(fewest * 4)
  #cutOffs = new Uint32Array(fewest)
  /** 0 marks an empty slot. */
  #expiries = new Uint32Array(fewest)
  #size = 0
  #version = 0

  get size(): number {
    return this.#size
  }

  /** Changes with every new revocation. */
  get version(): number {
    return this.#version
  }

  /** @param key four words at `at` @param notBefore seconds; null revokes tokens with any `iat` */
  add(key: Uint32Array, at: number, notBefore: number | null, exp: number): void {
    if (this.#size >= this.#slots * 0.6) this.#resize(this.#slots * 2)
    const slot = this.#find(key, at)
    const cutOff = notBefore === null ? always : clamp(Math.ceil(notBefore), 0)
    if (this.#expiries[slot] === 0) {
      this.#keys.set(key.subarray(at, at + 4), slot * 4)
      this.#size += 1
      this.#version += 1
      this.#cutOffs[slot] = cutOff
    } else if (cutOff > (this.#cutOffs[slot] as number)) {
      this.#version += 1
      this.#cutOffs[slot] = cutOff
    }
    this.#expiries[slot] = Math.max(this.#expiries[slot] as number, clamp(Math.ceil(exp), 1))
  }

  has(key: Uint32Array, at: number): boolean {
    return this.#expiries[this.#find(key, at)] !== 0
  }

  /** Tokens of this key with an earlier `iat` are revoked; 0 when the key is not in the set. */
  cutOff(key: Uint32Array, at: number): number {
    return this.#cutOffs[this.#find(key, at)] as number
  }

  /** Allocates slots at once, so that a large snapshot causes no repeated growth. */
  reserve(entries: number): void {
    let slots = this.#slots
    while (entries >= slots * 0.6) slots *= 2
    if (slots > this.#slots) this.#resize(slots)
  }

  /** Removes entries that expired before this second, if they are enough to justify a copy. */
  forget(before: number): void {
    let expired = 0
    for (const exp of this.#expiries) if (exp !== 0 && exp < before) expired += 1
    if (expired === 0 || expired < this.#size / 8) return
    let slots = fewest
    while (this.#size - expired >= slots * 0.4) slots *= 2
    this.#resize(slots, before)
  }

  #resize(slots: number, from = 0): void {
    const keys = this.#keys
    const cutOffs = this.#cutOffs
    const expiries = this.#expiries
    this.#slots = slots
    this.#keys = new Uint32Array(slots * 4)
    this.#cutOffs = new Uint32Array(slots)
    this.#expiries = new Uint32Array(slots)
    this.#size = 0
    for (let old = 0; old < expiries.length; old += 1) {
      if (expiries[old] === 0 || (expiries[old] as number) < from) continue
      const slot = this.#find(keys, old * 4)
      this.#keys.set(keys.subarray(old * 4, old * 4 + 4), slot * 4)
      this.#cutOffs[slot] = cutOffs[old] as number
      this.#expiries[slot] = expiries[old] as number
      this.#size += 1
    }
  }

  /** The slot of the key, or the empty slot for it. */
  #find(key: Uint32Array, at: number): number {
    const mask = this.#slots - 1
    const keys = this.#keys
    for (let slot = (key[at] as number) & mask; ; slot = (slot + 1) & mask) {
      if (this.#expiries[slot] === 0) return slot
      const here = slot * 4
      if (
        keys[here] === key[at] &&
        keys[here + 1] === key[at + 1] &&
        keys[here + 2] === key[at + 2] &&
        keys[here + 3] === key[at + 3]
      ) {
        return slot
      }
    }
  }
}

/** A cut-off beyond 32 bits (the year 2106) is unlimited. */
const clamp = (seconds: number, least: number) => Math.min(always, Math.max(least, seconds))
