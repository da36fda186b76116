import { delayAfter, drained, fullCount, isFull } from '../../src/credentials/attempt-policy.ts'
import type { Admission, AttemptStore, Bucket } from '../../src/credentials/attempt-store.ts'

interface Count {
  failures: number
  lastFailureAt: number
  blockedUntil: number
}

/** Attempts in a Map, on a clock of the test's own. Held to the same contract as Postgres. */
export class MemoryAttemptStore implements AttemptStore {
  /** Seconds. */
  clock = 0
  readonly #counts = new Map<string, Count>()

  async reserve(buckets: readonly Bucket[]): Promise<Admission> {
    const wait = Math.max(...buckets.map((bucket) => this.#waitOf(bucket)))
    if (wait > 0) return { admitted: false, retryAfterSeconds: Math.max(1, Math.ceil(wait)) }
    for (const bucket of buckets) this.#count(bucket)
    return {
      admitted: true,
      nextAfterSeconds: Math.ceil(Math.max(0, ...buckets.map((bucket) => this.#waitOf(bucket)))),
    }
  }

  async settle({ release, forget }: { release: readonly Bucket[]; forget: readonly Bucket[] }): Promise<void> {
    for (const { key } of forget) this.#counts.delete(key.toString('hex'))
    for (const { key, policy } of release) {
      const count = this.#counts.get(key.toString('hex'))
      if (!count) continue
      count.failures = Math.max(0, count.failures - 1)
      if (!isFull(policy, count.failures)) count.blockedUntil = Math.min(count.blockedUntil, this.clock)
    }
  }

  async forgetAccount(prefix: Buffer): Promise<void> {
    for (const key of this.#counts.keys()) if (key.startsWith(prefix.toString('hex'))) this.#counts.delete(key)
  }

  #waitOf({ key }: Bucket): number {
    return (this.#counts.get(key.toString('hex'))?.blockedUntil ?? 0) - this.clock
  }

  #count({ key, policy }: Bucket): void {
    const before = this.#counts.get(key.toString('hex'))
    const left = before ? drained(policy, before.failures, this.clock - before.lastFailureAt) : 0
    const failures = Math.min(fullCount(policy), left + 1)
    const blockedUntil = this.clock + delayAfter(policy, failures)
    this.#counts.set(key.toString('hex'), { failures, lastFailureAt: this.clock, blockedUntil })
  }
}
