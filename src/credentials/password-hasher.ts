import { randomBytes } from 'node:crypto'
import { availableParallelism } from 'node:os'
import { setTimeout as sleep } from 'node:timers/promises'
import { argon2id, hash, needsRehash, verify } from 'argon2'
import { BoundedQueue, type QueueLimits } from './bounded-queue.ts'
import { isWithinOurs, matchesStored } from './imported-digest.ts'
import type { ImportedHash } from './imported-hash.ts'
import { shapeOf, VerificationPace } from './verification-pace.ts'

/** The cost of argon2id. The defaults are the smallest that OWASP recommends. */
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

/** `unreadable`: a hash is stored, but no password can be checked against it. */
export type PasswordVerdict = 'match' | 'mismatch' | 'unreadable'

/** Longer passwords are never hashed: people do not type them, and hashing them would cost more than sending them. */
export const longestPasswordBytes = 1024

/**
 * Hashes and verifies passwords with argon2id, off the event loop (the library works on libuv's threads). A bounded
 * number runs at a time. Every verification takes the same time, with or without a hash to verify against.
 */
export class PasswordHasher {
  readonly #queue: BoundedQueue
  readonly #cost: Argon2Cost
  readonly #placeholder: string
  #pace = new VerificationPace()
  readonly #wait: (ms: number) => Promise<unknown>
  readonly #tried = new Map<string, Promise<boolean>>()

  constructor(options: PasswordHasherOptions = {}) {
    this.#cost = options.cost ?? defaultCost
    this.#queue = new BoundedQueue({
      // Leaves one core for requests; libuv has four threads by default.
      concurrency: options.concurrency ?? Math.min(4, Math.max(1, availableParallelism() - 1)),
      queueLimit: options.queueLimit ?? 64,
    })
    this.#placeholder = placeholderHash(this.#cost)
    this.#wait = options.wait ?? sleep
  }

  /** The number of passwords that wait. */
  get depth(): number {
    return this.#queue.depth
  }

  /** The number of passwords that are being hashed. */
  get running(): number {
    return this.#queue.running
  }

  /** Returns a PHC string. @throws Failure `hashing_busy` (unavailable). */
  async hash(password: string): Promise<string> {
    const { memoryKib: memoryCost, passes: timeCost, lanes: parallelism } = this.#cost
    const options = { type: argon2id, memoryCost, timeCost, parallelism } as const
    const phc = await this.#queue.run(() => hash(normalisePassword(password), options))
    // The library sorts the parameters by name. The PHC format needs this order, and other programs require it.
    return phc.replace(/\$m=\d+,p=\d+,t=\d+\$/, `$$m=${memoryCost},t=${timeCost},p=${parallelism}$$`)
  }

  /** Does the password match? Like `check`, without the reason. @throws Failure `hashing_busy` (unavailable). */
  async verify(phc: string | undefined, password: string): Promise<boolean> {
    return (await this.check(phc, password)) === 'match'
  }

  /**
   * Checks a password. The check also takes its full time, and fails, without a hash (no account, no password set) or
   * with an unreadable one. The same holds for a password that cannot exist (empty, oversize).
   * @throws Failure `hashing_busy` (unavailable).
   */
  async check(phc: string | undefined, password: string): Promise<PasswordVerdict> {
    const isPossible = mayBePassword(password)
    const spellings = isPossible ? spellingsOf(password) : ['x']
    const verdict = await this.#paced(spellings.length, () => this.#checkAny(phc ?? this.#placeholder, spellings))
    return verdict === 'match' && !(isPossible && phc !== undefined) ? 'mismatch' : verdict
  }

  /**
   * Measures how long hashes of other programs take, with one example of each form and cost. So the first sign-in of
   * such a person takes no longer than others. An example that cannot be verified is skipped.
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
   * Can a password be checked against this hash? The verifier itself is tried once for each form, cost and length.
   * @throws Failure `hashing_busy` (unavailable).
   */
  async canVerify({ origin, text }: ImportedHash): Promise<boolean> {
    const stored = text ?? origin + this.#placeholder
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

  /** Releases the place in the queue before the wait, so that a waiting sign-in blocks no work. */
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
   * Returns the stored form of another program's hash. A weak hash is stored as an argon2id hash of its digest, so that
   * a stolen table is no easier to guess from. @throws Failure `hashing_busy` (unavailable).
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
      // Pad cheap and damaged hashes, so that timing does not reveal that an account exists.
      if (!isRead || (isOld && !isWithinOurs(stored))) await verify(this.#placeholder, spelling)
      if (isOld && isRead) pace.learn(stored, performance.now() - began)
      if (verdict === 'match') return verdict
    }
    return verdict
  }

  /** Was the hash made with other parameters than today's, or by another program? */
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

/** Is the password neither empty nor oversize? */
export function mayBePassword(password: string): boolean {
  return (
    password !== '' && password.length <= longestPasswordBytes && Buffer.byteLength(password) <= longestPasswordBytes
  )
}

/** Normalises a password, so that it is the same from different keyboards (NIST SP 800-63B-4 §3.1.1.2). */
const normalisePassword = (password: string) => password.normalize('NFKC')

/** Other programs hashed passwords as typed; Claviger normalises them, and most typed passwords are normal already. */
const spellingsOf = (password: string) => [...new Set([normalisePassword(password), password])]

/** A hash that costs the same work as a real one and matches no password: its digest is random. */
function placeholderHash({ memoryKib, passes, lanes }: Argon2Cost): string {
  const random = (length: number) => randomBytes(length).toString('base64').replaceAll('=', '')
  return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${lanes}$${random(16)}$${random(32)}`
}
