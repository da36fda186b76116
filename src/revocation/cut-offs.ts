/**
 * Decides whether a token is revoked. Entries for the same name are merged by their greatest cut-off, so they may
 * arrive twice and in any order. Every name of a token is always looked up: no name takes precedence over another.
 */
import { entryKey } from './entry-key.ts'
import { type Entry, namesOf, type TokenMarks } from './revocation.ts'

/** The earliest `iat` that these cut-offs allow; 0 when they allow any. */
export const earliestAfter = (cutOffs: readonly number[]): number =>
  Math.max(0, ...cutOffs.filter((notBefore) => notBefore !== always))

/** An entry without a cut-off revokes every token with the name, whenever issued. */
const always = Number.POSITIVE_INFINITY

interface CutOff {
  notBefore: number
  exp: number
}

export class CutOffs {
  readonly #salt: Uint8Array
  readonly #known = new Map<string, CutOff>()
  /** Kinds that ever had a cut-off in time. A look-up costs a hash, and most kinds have no cut-off. */
  readonly #timed = new Set<number>()

  constructor(salt: Uint8Array) {
    this.#salt = salt
  }

  get size(): number {
    return this.#known.size
  }

  add({ kind, key, notBefore, exp }: Entry): void {
    if (notBefore !== null) this.#timed.add(kind)
    const name = nameOf(kind, key)
    const before = this.#known.get(name)
    this.#known.set(name, {
      notBefore: Math.max(before?.notBefore ?? 0, notBefore ?? always),
      exp: Math.max(before?.exp ?? 0, exp),
    })
  }

  /** Whether any entry revokes this token. A token without `iat` is revoked by any entry that names it. */
  voids(marks: TokenMarks): boolean {
    const iat = marks.iat ?? Number.NEGATIVE_INFINITY
    return namesOf(marks).reduce((isRevoked, [kind, value]) => iat < this.#of(kind, value) || isRevoked, false)
  }

  /** The cut-offs of these names, in their order. Names without a cut-off get negative infinity or are left out. */
  cutOffsOf(marks: TokenMarks): number[] {
    if (this.#timed.size === 0) return []
    return namesOf(marks)
      .filter(([kind]) => this.#timed.has(kind))
      .map(([kind, value]) => this.#of(kind, value))
  }

  has(entry: Entry): boolean {
    const known = this.#known.get(nameOf(entry.kind, entry.key))
    return known !== undefined && known.notBefore >= (entry.notBefore ?? always) && known.exp >= entry.exp
  }

  /** Removes expired entries. */
  forgetExpired(nowSeconds: number): void {
    for (const [name, { exp }] of this.#known) if (exp <= nowSeconds) this.#known.delete(name)
  }

  #of(kind: number, value: string): number {
    return this.#known.get(nameOf(kind, entryKey(this.#salt, kind, value)))?.notBefore ?? Number.NEGATIVE_INFINITY
  }
}

/** One character a byte, which is shorter than any encoding. */
const nameOf = (kind: number, key: Buffer): string => String.fromCharCode(kind) + key.toString('latin1')
