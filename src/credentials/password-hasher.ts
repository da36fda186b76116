import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { argon2id, hash, needsRehash, verify } from 'argon2'
import { BoundedQueue, type QueueLimits } from './bounded-queue.ts'
import { isWithinOurs, matchesStored } from './imported-digest.ts'
import type { ImportedHash } from './imported-hash.ts'
import { shapeOf, VerificationPace } from './verification-pace.ts'

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

/** `unreadable`: there is a hash, and no password can be checked against it. */
export type PasswordVerdict = 'match' | 'mismatch' | 'unreadable'

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
  readonly #tried = new Map<string, Promise<boolean>>()

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

  /** Does the password match? As `check`, where the reason does not matter. @throws Failure `hashing_busy` (unavailable). */
  async verify(phc: string | undefined, password: string): Promise<boolean> {
    return (await this.check(phc, password)) === 'match'
  }

  /**
   * Checks a password. Without a hash (no such account, no password set), with one that cannot be read, and for a
   * password that cannot exist (empty, oversize) the check takes just as long and says no.
   * @throws Failure `hashing_busy` (unavailable).
   */
  async check(phc: string | undefined, password: string): Promise<PasswordVerdict> {
    const isPossible = mayBePassword(password)
    const spellings = isPossible ? spellingsOf(password) : ['x']
    const verdict = await this.#paced(spellings.length, () => this.#checkAny(phc ?? this.#nobody, spellings))
    return verdict === 'match' && !(isPossible && phc !== undefined) ? 'mismatch' : verdict
  }

  /**
   * Finds out how long hashes of other programs take, from one of each form and cost that is kept, so that the first
   * sign-in of such a person takes no longer than others. An example that cannot be verified is passed over.
   * @throws Failure `hashing_busy` (unavailable).
   */
  async learnPace(examples: readonly string[]): Promise<void> {
    const pace = new VerificationPace()
    for (const example of examples) {
      if (!pace.knows(example)) await this.#queue.run(() => this.#checkAny(example, ['x'], pace))
    }
    this.#pace = pace
  }

  /**
   * Can a password be checked against this hash? The verifier itself is tried, once for each form, cost and length.
   * @throws Failure `hashing_busy` (unavailable).
   */
  async canVerify({ origin, text }: ImportedHash): Promise<boolean> {
    const stored = text ?? origin + this.#nobody
    const shape = shapeOf(stored)
    const tried =
      this.#tried.get(shape) ??
      this.#queue.run(() =>
        matchesStored(stored, 'x').then(
          () => true,
          () => false,
        ),
      )
    this.#tried.set(shape, tried)
    return tried
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

  async #checkAny(stored: string, spellings: readonly string[], pace = this.#pace): Promise<PasswordVerdict> {
    const isOld = this.needsRehash(stored)
    let verdict: PasswordVerdict = 'mismatch'
    for (const spelling of spellings) {
      const began = performance.now()
      verdict = await checkStored(stored, spelling)
      const isRead = verdict !== 'unreadable'
      // A cheap or damaged hash must not answer sooner than a name that does not exist.
      if (!isRead || (isOld && !isWithinOurs(stored))) await verify(this.#nobody, spelling)
      if (isOld && isRead) pace.learn(stored, performance.now() - began)
      if (verdict === 'match') return verdict
    }
    return verdict
  }

  /** Was it made with other parameters than today's, or by another program? */
  needsRehash(phc: string): boolean {
    const { memoryKib: memoryCost, passes: timeCost, lanes: parallelism } = this.#cost
    if (!phc.startsWith('$argon2id$')) return true
    try {
      return needsRehash(phc, { memoryCost, timeCost, parallelism })
    } catch {
      return true // the library cannot read it
    }
  }
}

async function checkStored(stored: string, password: string): Promise<PasswordVerdict> {
  try {
    return (await matchesStored(stored, password)) ? 'match' : 'mismatch'
  } catch {
    return 'unreadable'
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
