/**
 * Whether a token is void. Entries for the same thing are one by their greatest
 * cut-off, so they may come twice and in any order; and every name of a token is
 * looked up, always: none of them outranks another.
 */
import { entryKey } from './entry-key.ts'
import { type Entry, namesOf, type TokenMarks } from './revocation.ts'

/** The earliest second in which something may be issued whose names have these cut-offs; 0 when any will do. */
export const earliestAfter = (cutOffs: readonly number[]): number =>
  Math.max(0, ...cutOffs.filter((notBefore) => notBefore !== always))

/** An entry without a cut-off voids whatever was or will be issued under the name. */
const always = Number.POSITIVE_INFINITY

interface CutOff {
  notBefore: number
  exp: number
}

export class CutOffs {
  readonly #salt: Uint8Array
  readonly #known = new Map<string, CutOff>()
  /** Kinds that ever had a cut-off in time: looking up a name costs a hash, and most tokens have none of these. */
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

  /** Does any entry name this token? One without `iat` is void as soon as it is named. */
  voids(marks: TokenMarks): boolean {
    const iat = marks.iat ?? Number.NEGATIVE_INFINITY
    return namesOf(marks).reduce((isVoid, [kind, value]) => iat < this.#of(kind, value) || isVoid, false)
  }

  /** The cut-off of each of these names, in their order; of many names there is none. */
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

  /** Forgets what concerns nobody any more. */
  forgetExpired(nowSeconds: number): void {
    for (const [name, { exp }] of this.#known) if (exp <= nowSeconds) this.#known.delete(name)
  }

  #of(kind: number, value: string): number {
    return this.#known.get(nameOf(kind, entryKey(this.#salt, kind, value)))?.notBefore ?? Number.NEGATIVE_INFINITY
  }
}

/** One character a byte: shorter than any encoding. */
const nameOf = (kind: number, key: Buffer): string => String.fromCharCode(kind) + key.toString('latin1')
