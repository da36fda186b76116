import { randomBytes } from 'node:crypto'
import { beforeEach, describe, expect, test } from '@jest/globals'
import type { BucketPolicy } from '../../src/credentials/attempt-policy.ts'
import type { Admission, AttemptStore, Bucket } from '../../src/credentials/attempt-store.ts'

/** Delays so long that no slow machine can wait them out by accident. */
const strict: BucketPolicy = { free: 3, firstSeconds: 100, longestSeconds: 400, drainSeconds: 1000 }
const wide: BucketPolicy = { free: 1000, firstSeconds: 100, longestSeconds: 400, drainSeconds: 1000 }

const bucket = (policy: BucketPolicy, prefix = randomBytes(16)): Bucket => ({
  key: Buffer.concat([prefix, randomBytes(16)]),
  policy,
})

export interface AttemptStoreUnderTest {
  store: AttemptStore
  /** Lets time pass for what is stored. */
  pass(seconds: number): Promise<void>
}

/** What every store of attempts has to do. */
export function attemptStoreContract(open: () => AttemptStoreUnderTest): void {
  describe('a store of sign-in attempts', () => {
    let store: AttemptStore
    let pass: (seconds: number) => Promise<void>
    let one: Bucket

    beforeEach(() => {
      ;({ store, pass } = open())
      one = bucket(strict)
    })

    const fail = async (times: number, buckets = [one]): Promise<Admission[]> => {
      const seen: Admission[] = []
      for (let at = 0; at < times; at += 1) seen.push(await store.reserve(buckets))
      return seen
    }
    const admittedOf = (seen: readonly Admission[]) => seen.map(({ admitted }) => admitted)
    /** Seconds may tick while a test runs. */
    const retryOf = (admission: Admission | undefined) =>
      admission?.admitted === false ? Math.ceil(admission.retryAfterSeconds / 10) * 10 : 'admitted'

    test('admits so many failures without delay, then refuses and says for how long', async () => {
      const seen = await fail(4)
      expect(admittedOf(seen)).toEqual([true, true, true, false])
      expect(retryOf(seen[3])).toBe(100)
    })

    test('says with the last free failure how long the next has to wait', async () => {
      const next = (await fail(3)).map((seen) => (seen.admitted ? seen.nextAfterSeconds : undefined))
      expect(next.slice(0, 2)).toEqual([0, 0])
      expect(next[2]).toBeGreaterThan(90)
    })

    test('doubles the delay with each further failure, up to the longest, and never locks for ever', async () => {
      await fail(3)
      const delays: unknown[] = []
      for (const wait of [100, 200, 400, 400, 400]) {
        delays.push(retryOf((await fail(1))[0]))
        await pass(wait)
        expect(admittedOf(await fail(1))).toEqual([true])
      }
      // What drains meanwhile makes them a little shorter.
      expect(delays[0]).toBe(100)
      for (const [at, least] of [
        [1, 150],
        [2, 300],
        [3, 300],
        [4, 300],
      ] as const) {
        expect(delays[at]).toBeGreaterThan(least)
        expect(delays[at]).toBeLessThanOrEqual(400)
      }
    })

    test('a refused attempt counts for nothing', async () => {
      await fail(3)
      await fail(20)
      await pass(101)
      expect(admittedOf(await fail(1))).toEqual([true])
    })

    test('forgets failures with time', async () => {
      await fail(3)
      await pass(3500)
      expect(admittedOf(await fail(4))).toEqual([true, true, true, false])
    })

    test('refuses when any bucket is blocked, and then counts in none', async () => {
      const other = bucket({ ...strict, free: 2 })
      await fail(3)
      expect(admittedOf(await fail(5, [other, one]))).toEqual([false, false, false, false, false])
      expect(admittedOf(await fail(3, [other]))).toEqual([true, true, false])
    })

    test('a success forgets its own bucket and takes one failure back from the shared ones', async () => {
      const shared = bucket({ ...strict, free: 4 })
      await fail(2, [one, shared])
      await store.reserve([one, shared])
      await store.settle({ forget: [one], release: [shared] })
      expect(admittedOf(await fail(4))).toEqual([true, true, true, false])
      expect(admittedOf(await fail(3, [shared]))).toEqual([true, true, false])
    })

    test('taking an attempt back lifts the delay it brought', async () => {
      await fail(3)
      await store.settle({ forget: [], release: [one] })
      expect(admittedOf(await fail(2))).toEqual([true, false])
    })

    test('settling what was never counted is harmless', async () => {
      await store.settle({ forget: [bucket(strict)], release: [bucket(strict)] })
      expect(admittedOf(await fail(4))).toEqual([true, true, true, false])
    })

    test('of fifty parallel attempts no more are admitted than one after the other', async () => {
      const shared = bucket(wide)
      const seen = await Promise.all(Array.from({ length: 50 }, () => store.reserve([one, shared])))
      expect(seen.filter(({ admitted }) => admitted)).toHaveLength(3)
    })

    test('parallel attempts and successes on crossing buckets never wait for each other for ever', async () => {
      const [a, b, c] = [bucket(wide), bucket(wide), bucket(wide)]
      const orders = [
        [a, b, c],
        [c, b, a],
        [b, a, c],
        [c, a, b],
      ]
      const rounds = Array.from({ length: 40 }, async (_, at) => {
        const buckets = orders[at % orders.length] ?? []
        expect((await store.reserve(buckets)).admitted).toBe(true)
        await store.settle({ forget: [], release: buckets })
      })
      await Promise.all(rounds)
    })

    test('an account is forgotten in all its buckets, and no other with it', async () => {
      const prefix = randomBytes(16)
      const mine = [bucket(strict, prefix), bucket(strict, prefix)]
      await fail(3, [...mine])
      await fail(3)
      await store.forgetAccount(prefix)
      expect(admittedOf(await fail(1, mine))).toEqual([true])
      expect(admittedOf(await fail(1))).toEqual([false])
    })
  })
}
