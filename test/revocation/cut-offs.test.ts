import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { CutOffs, earliestAfter } from '../../src/revocation/cut-offs.ts'
import { entryKey } from '../../src/revocation/entry-key.ts'
import { kinds, type TokenMarks } from '../../src/revocation/revocation.ts'

const salt = Buffer.alloc(16, 7)
const names = ['a', 'b', 'c'] as const
const mark = fc.option(fc.constantFrom(...names), { nil: undefined })
const instant = fc.integer({ min: 1, max: 8 })

const token: fc.Arbitrary<TokenMarks> = fc.record({
  jti: mark,
  sid: mark,
  grant: mark,
  sub: mark,
  client: mark,
  kid: mark,
  issuer: mark,
  iat: fc.option(instant, { nil: undefined }),
})

const revocation = fc.record({
  kind: fc.constantFrom(...Object.values(kinds)),
  value: fc.constantFrom(...names),
  notBefore: fc.option(instant, { nil: null }),
})
type Revocation = typeof revocation extends fc.Arbitrary<infer T> ? T : never

/** The definition of a revoked token, as directly as possible. */
function isVoid(marks: TokenMarks, revocations: readonly Revocation[]): boolean {
  const values: Record<number, string | undefined> = {
    1: marks.jti,
    2: marks.sid,
    3: marks.grant,
    4: marks.sub,
    5: marks.client,
    6: marks.kid,
    7: marks.issuer,
  }
  return revocations.some(
    ({ kind, value, notBefore }) =>
      values[kind] === value && (notBefore === null || marks.iat === undefined || marks.iat < notBefore),
  )
}

function cutOffsOf(revocations: readonly Revocation[], exp = 1_000): CutOffs {
  const cutOffs = new CutOffs(salt)
  for (const { kind, value, notBefore } of revocations) {
    cutOffs.add({ kind, key: entryKey(salt, kind, value), notBefore, exp })
  }
  return cutOffs
}

describe('whether a token is revoked', () => {
  test('follows the definition for all its cut-offs, in any order and with repeated entries', () => {
    fc.assert(
      fc.property(fc.array(revocation, { maxLength: 12 }), token, fc.infiniteStream(fc.nat()), (list, marks, order) => {
        const shuffled = [...list, ...list]
          .map((one) => ({ one, at: order.next().value as number }))
          .sort((a, b) => a.at - b.at)
          .map(({ one }) => one)
        expect(cutOffsOf(shuffled).voids(marks)).toBe(isVoid(marks, list))
      }),
      { numRuns: 3_000 },
    )
  })

  test('changes only from valid to revoked while entries arrive', () => {
    fc.assert(
      fc.property(fc.array(revocation, { maxLength: 12 }), revocation, token, (list, more, marks) => {
        const before = cutOffsOf(list).voids(marks)
        expect(cutOffsOf([...list, more]).voids(marks) || !before).toBe(true)
      }),
    )
  })

  test('no cut-off revokes a token that is issued at the earliest second allowed', () => {
    const cutOffsOnly = revocation.filter(({ notBefore }) => notBefore !== null)
    fc.assert(
      fc.property(fc.array(cutOffsOnly, { maxLength: 12 }), token, (list, marks) => {
        const cutOffs = cutOffsOf(list)
        expect(cutOffs.voids({ ...marks, iat: earliestAfter(cutOffs.cutOffsOf(marks)) })).toBe(false)
      }),
    )
  })

  test('is dropped when the entry expires and not a second earlier', () => {
    const cutOffs = cutOffsOf([{ kind: kinds.jti, value: 'a', notBefore: null }], 1_000)
    cutOffs.forgetExpired(999)
    expect(cutOffs.voids({ jti: 'a', iat: 1 })).toBe(true)
    cutOffs.forgetExpired(1_000)
    expect(cutOffs.voids({ jti: 'a', iat: 1 })).toBe(false)
  })
})
