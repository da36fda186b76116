/** Any cut-offs in any order, against the plainest evaluation there is. */
import { randomBytes } from 'node:crypto'
import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { systemClock } from '../../packages/verifier/src/clock.ts'
import type { WireEntry } from '../../packages/verifier/src/frame.ts'
import { Freshness } from '../../packages/verifier/src/freshness.ts'
import { kinds, type Marks, marksOf, revokedBy } from '../../packages/verifier/src/marks.ts'
import { findPlatform } from '../../packages/verifier/src/platform.ts'
import { RevocationList } from '../../packages/verifier/src/revocation-list.ts'
import { RevokedSet } from '../../packages/verifier/src/revoked-set.ts'

const platform = await findPlatform()
const epoch = '0f8c2a34-6f0e-4c5b-9d3e-2b1a7c8d9e0f'
const salt = randomBytes(16)
const now = Math.floor(Date.now() / 1000)
const claimOf = { 1: 'jti', 2: 'sid', 3: 'grant_id', 4: 'sub', 5: 'client_id', 6: 'kid', 7: 'iss' } as const

interface Revocation {
  kind: keyof typeof claimOf
  value: string
  notBefore: number | null
}

type Token = Record<string, string> & { kid: string; iat?: never }

const value = fc.constantFrom('a', 'b', 'c')
const revocation = fc.record({
  kind: fc.constantFrom(1, 2, 3, 4, 5, 6, 7) as fc.Arbitrary<Revocation['kind']>,
  value,
  notBefore: fc.option(fc.integer({ min: now - 5, max: now + 5 }), { nil: null }),
})
const token = fc.record({
  names: fc.record(
    { jti: value, sid: value, grant_id: value, sub: value, client_id: value, iss: value, kid: value },
    { requiredKeys: ['kid'] },
  ),
  iat: fc.option(fc.integer({ min: now - 6, max: now + 6 }), { nil: undefined }),
})

/** Looks at every revocation ever made, and at nothing else. */
const isVoid = (names: Partial<Token>, iat: number | undefined, all: readonly Revocation[]) =>
  all.some(
    ({ kind, value, notBefore }) =>
      names[claimOf[kind]] === value && (notBefore === null || iat === undefined || iat < notBefore),
  )

async function entryOf({ kind, value, notBefore }: Revocation): Promise<WireEntry> {
  const bytes = Buffer.concat([salt, Buffer.of(kind), Buffer.from(value)])
  const key = Buffer.from(await platform.digest(bytes)).subarray(0, 16)
  return [kind, key.toString('base64url'), notBefore, now + 600]
}

function newList(maxEntries = 1_000): RevocationList {
  const list = new RevocationList(new Freshness(systemClock, 300_000), maxEntries, () => undefined)
  list.begin({ epoch, seq: 0, salt }, 0).finish()
  return list
}

const marks = (names: Partial<Token>, iat: number | undefined): Promise<Marks> => {
  const { kid = '', ...claims } = names
  return marksOf({ ...claims, ...(iat === undefined ? {} : { iat }) }, kid, [salt], platform)
}

describe('a list of revocations', () => {
  test('revokes a token exactly when any revocation names it', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(revocation, { maxLength: 30 }),
        fc.array(token, { minLength: 1, maxLength: 10 }),
        async (all, tokens) => {
          const list = newList()
          for (const [index, one] of all.entries()) {
            const frame = { epoch, from: index + 1, to: index + 1, entries: [await entryOf(one)], iat: now }
            expect(list.apply(frame)).toBe('applied')
          }
          for (const { names, iat } of tokens) {
            const by = revokedBy(await marks(names, iat), list.revoked)
            expect([names, iat, by !== undefined]).toEqual([names, iat, isVoid(names, iat, all)])
          }
        },
      ),
      { numRuns: 300 },
    )
  })

  test('has the same entries for any order, repetition and division into frames', async () => {
    const deliveries = fc
      .array(revocation, { minLength: 1, maxLength: 20 })
      .chain((all) => fc.tuple(fc.constant(all), fc.array(fc.nat(all.length - 1), { maxLength: 60 })))
    await fc.assert(
      fc.asyncProperty(deliveries, token, async ([all, order], { names, iat }) => {
        const entries = await Promise.all(all.map(entryOf))
        const list = newList()
        for (const index of [...order, ...all.keys()]) {
          list.apply({ epoch, from: index + 1, to: index + 1, entries: entries.slice(index, index + 1), iat: now })
        }
        expect(revokedBy(await marks(names, iat), list.revoked) !== undefined).toBe(isVoid(names, iat, all))
      }),
      { numRuns: 200 },
    )
  })

  test('is never complete while an entry is missing', () => {
    const frame = fc.tuple(fc.nat(12), fc.nat(3)).map(([from, more]) => ({ from: from + 1, to: from + 1 + more }))
    fc.assert(
      fc.property(fc.array(frame, { maxLength: 40 }), (frames) => {
        const list = newList()
        const heard = new Set<number>()
        for (const { from, to } of frames) {
          for (let seq = from; seq <= to; seq += 1) heard.add(seq)
          list.apply({ epoch, from, to, entries: [], iat: now })
          for (let seq = 1; seq <= (list.cursor?.seq ?? 0); seq += 1) expect(heard.has(seq)).toBe(true)
        }
      }),
    )
  })
})

describe('a set of revoked keys', () => {
  test('has the same entries as a plain Map after growth and removal', () => {
    const step = fc.record({
      name: fc.nat(3_000),
      notBefore: fc.option(fc.nat(1_000), { nil: null }),
      exp: fc.nat(100),
    })
    fc.assert(
      fc.property(fc.array(step, { maxLength: 4_000, size: 'max' }), fc.nat(100), (steps, before) => {
        const set = new RevokedSet()
        const plain = new Map<number, { cutOff: number; exp: number }>()
        for (const { name, notBefore, exp } of steps) {
          set.add(keyOf(name), 0, notBefore, exp + 1)
          const known = plain.get(name)
          const cutOff = Math.max(known?.cutOff ?? 0, notBefore ?? 0xffffffff)
          plain.set(name, { cutOff, exp: Math.max(known?.exp ?? 0, exp + 1) })
        }
        expect(set.size).toBe(plain.size)
        set.forget(before)
        for (const [name, { cutOff, exp }] of plain) {
          if (exp >= before) expect(set.cutOff(keyOf(name), 0)).toBe(cutOff)
        }
      }),
      { numRuns: 20 },
    )
  })

  test('changes its version with each new revocation, and only then', () => {
    const set = new RevokedSet()
    const key = keyOf(1)
    const versions = [null, null, 5].map((notBefore) => {
      set.add(key, 0, notBefore, 100)
      return set.version
    })
    expect(new Set(versions).size).toBe(1)
    set.add(keyOf(2), 0, 5, 100)
    const before = set.version
    set.add(keyOf(2), 0, 6, 100)
    expect(set.version).not.toBe(before)
  })

  /** All with the same last bits, so that they crowd. */
  const keyOf = (name: number) => Uint32Array.of((name << 12) | 7, name, 0, 1)
})

test('the numbers of the kinds are those of the feed', () => {
  expect(Object.values(kinds)).toEqual([1, 2, 3, 4, 5, 6, 7])
})
