import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { argon2id, hash, needsRehash, verify } from 'argon2'
import { BoundedQueue, type QueueLimits } from './bounded-queue.ts'
import { isWithinOurs, matchesStored } from './imported-digest.ts'
import type { ImportedHash } from './imported-hash.ts'
import { VerificationPace } from './verification-pace.ts'

/** Of argon2id; the defaults are OWASP's smallest recommended ones. */
export interface Argon2Cost {
  memoryKib: number
  passes: number
  lanes: number
}

export const defaultCost: Argon2Cost = { memoryKib: 19_456, passes: 2, lanes: 1 }

export interface PasswordHasherOptions extends Partial<QueueLimits> {
  cost?: Argon2Cost
  /** Milliseconds. */
  wait?(ms: number): Promise<unknown>
}

/** Longer ones are never hashed: nobody types them, and they would cost us more than their sender. */
export const longestPasswordBytes = 1024

/**
 * Hashes and verifies passwords with argon2id, off the event loop (the library
 * works on libuv's threads), a bounded number at a time. Every verification
 * takes the same time, whether or not there is anything to verify against.
 */
export class PasswordHasher {
  readonly #queue: BoundedQueue
  readonly #cost: Argon2Cost
  readonly #nobody: string
  #pace = new VerificationPace()
  readonly #wait: (ms: number) => Promise<unknown>

  constructor(options: PasswordHasherOptions = {}) {
    this.#cost = options.cost ?? defaultCost
    this.#queue = new BoundedQueue({
      // One core stays free for requests; libuv has four threads by default.
      concurrency: options.concurrency ?? Math.min(4, Math.max(1, availableParallelism() - 1)),
      queueLimit: options.queueLimit ?? 64,
    })
    this.#nobody = hashOfNobody(this.#cost)
    this.#wait = options.wait ?? sleep
  }

  /** How many wait for their turn. */
  get depth(): number {
    return this.#queue.depth
  }

  /** How many are being hashed now. */
  get running(): number {
    return this.#queue.running
  }

  /** A PHC string. @throws Failure `hashing_busy` (unavailable). */
  async hash(password: string): Promise<string> {
    const { memoryKib: memoryCost, passes: timeCost, lanes: parallelism } = this.#cost
    const options = { type: argon2id, memoryCost, timeCost, parallelism } as const
    const phc = await this.#queue.run(() => hash(normalisePassword(password), options))
    // The library sorts them by name; the PHC format wants them in this order, and other programs insist on it.
    return phc.replace(/\$m=\d+,p=\d+,t=\d+\$/, `$$m=${memoryCost},t=${timeCost},p=${parallelism}$$`)
  }

  /**
   * Does the password match? Without a hash (no such account, no password set) and for a password that
   * nobody can have (empty, oversize) it takes just as long and says no.
   * @throws Failure `hashing_busy` (unavailable).
   */
  async verify(phc: string | undefined, password: string): Promise<boolean> {
    const isPossible = mayBePassword(password)
    const spellings = isPossible ? spellingsOf(password) : ['x']
    const isMatch = await this.#paced(spellings.length, () => this.#matchesAny(phc ?? this.#nobody, spellings))
    return isMatch && isPossible && phc !== undefined
  }

  /**
   * Finds out how long hashes of other programs take, from one of each form and cost that is kept, so that the first
   * who asks for such a person waits no longer than others. @throws Failure `hashing_busy` (unavailable).
   */
  async learnPace(examples: readonly string[]): Promise<void> {
    const pace = new VerificationPace()
    for (const example of examples) await this.#queue.run(() => this.#matchesAny(example, ['x'], pace))
    this.#pace = pace
  }

  /** The place in the queue is given up before the wait: who waits keeps nobody from working. */
  async #paced<T>(times: number, work: () => Promise<T>): Promise<T> {
    let tookMs = 0
    const result = await this.#queue.run(async () => {
      const began = performance.now()
      const done = await work()
      tookMs = performance.now() - began
      return done
    })
    const waitMs = this.#pace.leastMs * times - tookMs
    if (waitMs > 0) await this.#wait(waitMs)
    return result
  }

  /**
   * How a hash that another program made rests here: a weak one within a hash of ours, over its digest, so that a
   * stolen table is no easier to guess from. @throws Failure `hashing_busy` (unavailable).
   */
  async keep({ origin, text, digest }: ImportedHash): Promise<string> {
    return text ?? origin + (await this.hash(digest))
  }

  async #matchesAny(stored: string, spellings: readonly string[], pace = this.#pace): Promise<boolean> {
    const isOld = this.needsRehash(stored)
    for (const spelling of spellings) {
      const began = performance.now()
      const isMatch = await matchesStored(stored, spelling)
      // Nobody is answered sooner than somebody who is not there, however cheap the hash was that they brought along.
      if (isOld && !isWithinOurs(stored)) await verify(this.#nobody, spelling)
      if (isOld) pace.learn(stored, performance.now() - began)
      if (isMatch) return true
    }
    return false
  }

  /** Was it made with other parameters than today's, or by another program? */
  needsRehash(phc: string): boolean {
    const { memoryKib: memoryCost, passes: timeCost, lanes: parallelism } = this.#cost
    return !phc.startsWith('$argon2id$') || needsRehash(phc, { memoryCost, timeCost, parallelism })
  }
}

/** Neither empty nor oversize. */
export function mayBePassword(password: string): boolean {
  return (
    password !== '' && password.length <= longestPasswordBytes && Buffer.byteLength(password) <= longestPasswordBytes
  )
}

/** So that one password typed on two keyboards is one password (NIST SP 800-63B-4 §3.1.1.2). */
const normalisePassword = (password: string) => password.normalize('NFKC')

/** Other programs have hashed passwords as they were typed; ours are normalised, and so is most of what is typed. */
const spellingsOf = (password: string) => [...new Set([normalisePassword(password), password])]

/** Costs what a real hash of this cost does and matches nothing: its digest is random. */
function hashOfNobody({ memoryKib, passes, lanes }: Argon2Cost): string {
  const random = (length: number) => randomBytes(length).toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${random(16)}$${random(32)}`
}
