/**
 * The union of all entries received so far, and a cursor into the log. A union is
 * safe with duplicate, late or reordered frames. The rules below detect missing
 * entries and old frames.
 */
import { decodeInto } from './base64url.ts'
import type { Frame, WireEntry } from './frame.ts'
import type { Freshness } from './freshness.ts'
import { keyNames } from './marks.ts'
import { RevokedSet } from './revoked-set.ts'

export interface Cursor {
  epoch: string
  seq: number
}

export interface SnapshotContent extends Cursor {
  salt: Uint8Array
}

/**
 * - `applied`: in order.
 * - `old`: already known; the cursor did not move.
 * - `gap`: entries between the cursor and the frame are missing.
 * - `epoch`: the log started a new epoch; a snapshot is needed.
 */
export type Effect = 'applied' | 'old' | 'gap' | 'epoch'

/** Above this number, new revocations are not listed by key. */
const mostNamed = 256
/** Maximum of salts. A deployment normally has one for its whole life. */
const mostSalts = 3

export class RevocationList {
  readonly revoked = new RevokedSet()
  readonly #freshness: Freshness
  readonly #maxEntries: number
  readonly #changed: (keys: readonly string[] | undefined) => void
  readonly #key = new Uint32Array(4)
  readonly #keyBytes = new Uint8Array(this.#key.buffer)
  #salts: readonly Uint8Array[] = []
  #cursor: Cursor | undefined
  #overflowed = false
  /** Keys revoked in this step, up to `mostNamed`. */
  #fresh: string[] = []

  /** @param changed called after every step with new revocations, with their keys unless there are too many */
  constructor(freshness: Freshness, maxEntries: number, changed: (keys: readonly string[] | undefined) => void) {
    this.#freshness = freshness
    this.#maxEntries = maxEntries
    this.#changed = changed
  }

  get cursor(): Cursor | undefined {
    return this.#cursor
  }

  get salts(): readonly Uint8Array[] {
    return this.#salts
  }

  get hasSnapshot(): boolean {
    return this.#salts.length > 0
  }

  /** False after an entry exceeded `maxEntries`, until a snapshot fits again. No token is accepted meanwhile. */
  get isComplete(): boolean {
    return !this.#overflowed
  }

  /** Adds the entries in any case. @returns the effect on the cursor */
  apply({ epoch, from, to, entries, iat }: Frame): Effect {
    this.#noting(() => {
      for (const entry of entries) this.#add(entry)
    })
    if (epoch !== this.#cursor?.epoch) return this.#freshness.isTimely(iat) ? 'epoch' : 'old'
    if (from > this.#cursor.seq + 1) return 'gap'
    if (to < this.#cursor.seq) return 'old'
    this.#cursor = { epoch, seq: to }
    return 'applied'
  }

  /** Starts to load a snapshot; `finish` sets the cursor. Earlier entries stay. */
  begin({ salt, epoch, seq }: SnapshotContent, count: number) {
    this.revoked.reserve(Math.min(count + this.revoked.size, this.#maxEntries))
    const before = this.#overflowed
    this.#overflowed = false
    return {
      add: (entries: readonly WireEntry[]) =>
        this.#noting(() => {
          for (const entry of entries) this.#add(entry)
        }),
      finish: () => {
        if (!this.#salts.some((known) => sameBytes(known, salt))) {
          this.#salts = [salt, ...this.#salts].slice(0, mostSalts)
        }
        this.#cursor = { epoch, seq }
      },
      abandon: () => {
        this.#overflowed ||= before
      },
    }
  }

  forget(): void {
    this.revoked.forget(this.#freshness.forgetBefore)
  }

  #add([kind, key, notBefore, exp]: WireEntry): void {
    if (kind < 1 || kind > 7 || exp < this.#freshness.forgetBefore) return
    if (key.length !== 22 || !decodeInto(key, this.#keyBytes)) return
    if (this.revoked.size >= this.#maxEntries && !this.revoked.has(this.#key, 0)) {
      this.#overflowed = true
      return
    }
    const before = this.revoked.version
    this.revoked.add(this.#key, 0, notBefore, exp)
    if (this.revoked.version !== before && this.#fresh.length <= mostNamed) this.#fresh.push(...keyNames(this.#key))
  }

  #noting(step: () => void): void {
    this.#fresh = []
    step()
    const keys = this.#fresh
    if (keys.length > 0) this.#changed(keys.length > mostNamed ? undefined : keys)
  }
}

const sameBytes = (one: Uint8Array, other: Uint8Array) =>
  one.length === other.length && one.every((byte, index) => byte === other[index])
