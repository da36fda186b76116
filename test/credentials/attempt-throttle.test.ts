import { beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { bucketPolicies } from '../../src/credentials/attempt-policy.ts'
import { type Attempt, AttemptThrottle, bucketsOf } from '../../src/credentials/attempt-throttle.ts'
import { attemptStoreContract } from './attempt-store.contract.ts'
import { MemoryAttemptStore } from './memory-attempt-store.ts'

attemptStoreContract(() => {
  const store = new MemoryAttemptStore()
  return {
    store,
    pass: async (seconds) => {
      store.clock += seconds
    },
  }
})

describe('the throttle', () => {
  let store: MemoryAttemptStore
  let throttle: AttemptThrottle

  beforeEach(() => {
    store = new MemoryAttemptStore()
    throttle = new AttemptThrottle(store)
  })

  const at = (login: string, source: string, browserId?: string): Attempt => ({ login, source, browserId })
  const isAdmitted = async (attempt: Attempt) => {
    const { admitted } = await throttle.reserve(attempt)
    if (admitted) throttle.failed(attempt)
    return admitted
  }
  const guess = async (attempt: Attempt, times: number): Promise<number> => {
    let admitted = 0
    for (let round = 0; round < times; round += 1) if (await isAdmitted(attempt)) admitted += 1
    return admitted
  }

  test('1000 wrong tries from elsewhere never stop the owner in a known browser', async () => {
    for (let round = 0; round < 1000; round += 1) await guess(at('ada@x.y', `203.0.113.${round % 250}`), 1)
    expect((await throttle.reserve(at('ada@x.y', '203.0.113.1'))).admitted).toBe(false)
    expect((await throttle.reserve(at('ada@x.y', '203.0.113.1', 'her browser'))).admitted).toBe(true)
  })

  test('a flood from one address does not stop a known browser behind the same address', async () => {
    for (let round = 0; round < 300; round += 1) await guess(at(`nobody${round}@x.y`, '203.0.113.1'), 1)
    expect((await throttle.reserve(at('bob@x.y', '203.0.113.1'))).admitted).toBe(false)
    expect((await throttle.reserve(at('ada@x.y', '203.0.113.1', 'her browser'))).admitted).toBe(true)
  })

  test('a known browser that guesses is slowed down by itself', async () => {
    expect(await guess(at('ada@x.y', '203.0.113.1', 'a stolen cookie'), 50)).toBe(bucketPolicies.accountInBrowser.free)
    expect((await throttle.reserve(at('ada@x.y', '198.51.100.1'))).admitted).toBe(true)
  })

  test('guesses from one place at one person do not stop the person in another place', async () => {
    expect(await guess(at('ada@x.y', '203.0.113.1'), 50)).toBe(bucketPolicies.accountFromSource.free)
    expect((await throttle.reserve(at('ada@x.y', '198.51.100.1'))).admitted).toBe(true)
  })

  test('many names from one place are slowed down too', async () => {
    let admitted = 0
    for (let round = 0; round < 300; round += 1) admitted += await guess(at(`person${round}@x.y`, '203.0.113.1'), 1)
    expect(admitted).toBe(bucketPolicies.source.free)
  })

  test('one person from many places is slowed down, but never for longer than a minute', async () => {
    for (let round = 0; round < 500; round += 1) await guess(at('ada@x.y', `203.0.113.${round % 250}`), 1)
    const refused = await throttle.reserve(at('ada@x.y', '198.51.100.1'))
    expect(refused.admitted === false && refused.retryAfterSeconds).toBeLessThanOrEqual(60)
  })

  test.each([
    ['case and blanks of the name', at('ada@x.y', '203.0.113.1'), at(' ADA@X.Y ', '203.0.113.1')],
    ['the way an IPv4 address is written', at('ada@x.y', '203.0.113.1'), at('ada@x.y', '::ffff:203.0.113.1')],
    ['the last 64 bits of an IPv6 address', at('ada@x.y', '2001:db8:1:2::1'), at('ada@x.y', '2001:db8:1:2:ffff:1:2:3')],
    ['what is no address at all', at('ada@x.y', 'unknown'), at('ada@x.y', '1.2.3.4, 5.6.7.8')],
  ])('does not let %s make another attempt of it', (_, one, other) => {
    expect(bucketsOf(one)).toEqual(bucketsOf(other))
  })

  test.each([
    ['IPv4 addresses', '203.0.113.1', '203.0.113.2'],
    ['IPv6 networks', '2001:db8:1:2::1', '2001:db8:1:3::1'],
  ])('counts neighbouring %s apart', (_, one, other) => {
    const [own, , place] = bucketsOf(at('ada@x.y', one))
    const [otherOwn, , otherPlace] = bucketsOf(at('ada@x.y', other))
    expect([own?.key.equals(otherOwn?.key ?? own.key), place?.key.equals(otherPlace?.key ?? place.key)]).toEqual([
      false,
      false,
    ])
  })

  test('a right password wipes what was wrong in the same place, and nothing that others did', async () => {
    await guess(at('ada@x.y', '203.0.113.1'), 9)
    await throttle.reserve(at('ada@x.y', '203.0.113.1'))
    await throttle.succeeded(at('ada@x.y', '203.0.113.1'))
    expect(await guess(at('ada@x.y', '203.0.113.1'), 20)).toBe(10)
  })

  test('signing in with one account never frees guesses at another', async () => {
    let admitted = 0
    for (let round = 0; round < 200; round += 1) {
      if ((await throttle.reserve(at('eve@x.y', '203.0.113.1'))).admitted)
        await throttle.succeeded(at('eve@x.y', '203.0.113.1'))
      admitted += await guess(at(`victim${round}@x.y`, '203.0.113.1'), 1)
    }
    expect(admitted).toBeLessThanOrEqual(bucketPolicies.source.free)
  })

  test('an attempt that was withdrawn never happened', async () => {
    for (let round = 0; round < 200; round += 1) {
      expect((await throttle.reserve(at('ada@x.y', '203.0.113.1'))).admitted).toBe(true)
      await throttle.withdrawn(at('ada@x.y', '203.0.113.1'))
    }
  })

  test('an administrator can make it forget a person', async () => {
    await guess(at('ada@x.y', '203.0.113.1'), 50)
    await throttle.forget({ email: 'Ada@x.y' })
    expect((await throttle.reserve(at('ada@x.y', '203.0.113.1'))).admitted).toBe(true)
  })

  test('keys name nobody', () => {
    for (const { key } of bucketsOf(at('ada@x.y', '203.0.113.1'))) {
      expect(key).toHaveLength(32)
      expect(key.includes('ada')).toBe(false)
    }
  })

  test('whatever the order of guesses and pauses, a person and place get no more than the policy allows', async () => {
    const { free, drainSeconds } = bucketPolicies.accountFromSource
    const move = fc.oneof(fc.constant(0), fc.integer({ min: 1, max: 2000 }))
    await fc.assert(
      fc.asyncProperty(fc.array(move, { maxLength: 200 }), async (pauses) => {
        const clock = new MemoryAttemptStore()
        const throttled = new AttemptThrottle(clock)
        let admitted = 0
        for (const pause of pauses) {
          clock.clock += pause
          const admission = await throttled.reserve(at('ada@x.y', '203.0.113.1'))
          if (admission.admitted) {
            admitted += 1
            throttled.failed(at('ada@x.y', '203.0.113.1'))
          } else expect(admission.retryAfterSeconds).toBeLessThanOrEqual(900)
        }
        // Ten delays of growing length and what drained meanwhile come on top of the free ones.
        expect(admitted).toBeLessThanOrEqual(free + 10 + Math.ceil(clock.clock / drainSeconds) + 1)
      }),
      { numRuns: 300 },
    )
  })

  test('who waits as long as told is always admitted', async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(fc.integer({ min: 0, max: 3 }), { maxLength: 120 }), async (places) => {
        const clock = new MemoryAttemptStore()
        const throttled = new AttemptThrottle(clock)
        for (const place of places) {
          const attempt = at('ada@x.y', `203.0.113.${place}`)
          const admission = await throttled.reserve(attempt)
          if (!admission.admitted) {
            clock.clock += admission.retryAfterSeconds
            expect((await throttled.reserve(attempt)).admitted).toBe(true)
          }
          throttled.failed(attempt)
        }
      }),
      { numRuns: 200 },
    )
  })
})
