import { describe, expect, test } from '@jest/globals'
import { boundText, voidBy } from '../../src/cli/bound.ts'

const now = new Date('2026-03-01T14:00:10Z')

describe('by when what was revoked is refused', () => {
  test('is said for each way in which a service may verify', () => {
    expect(boundText(voidBy(now, 300), now, { tokenLedger: 'off' })).toBe(
      'Void at every connected verifier within 1 s; at plain JWKS verifiers by 14:05:10 UTC.',
    )
  })

  test('names readers of status lists where there are such lists', () => {
    expect(boundText(voidBy(now, 300), now, { tokenLedger: 'on' })).toBe(
      'Void at every connected verifier within 1 s; at readers of status lists within 12 s; at plain JWKS verifiers by 14:05:10 UTC.',
    )
  })

  test('has a date where that is another day', () => {
    expect(boundText(voidBy(now, 86_400), now, { tokenLedger: 'off' })).toContain('by 2026-03-02 14:00:10 UTC.')
  })
})
