import { describe, expect, test } from '@jest/globals'
import { boundJson, boundText, voidBy } from '../../src/cli/bound.ts'

const now = new Date('2026-03-01T14:00:10Z')

const both = { confirmed: 2, silent: [] }

describe('by when what was revoked is refused', () => {
  test('is said for each way in which a service may verify', () => {
    expect(boundText(voidBy(now, 300), now, { tokenLedger: 'off' }, both)).toBe(
      'Void at every connected verifier within 1 s; at plain JWKS verifiers by 14:05:10 UTC.',
    )
  })

  test('names readers of status lists where there are such lists', () => {
    expect(boundText(voidBy(now, 300), now, { tokenLedger: 'on' }, both)).toBe(
      'Void at every connected verifier within 1 s; at readers of status lists within 12 s; at plain JWKS verifiers by 14:05:10 UTC.',
    )
  })

  test('has a date where that is another day', () => {
    expect(boundText(voidBy(now, 86_400), now, { tokenLedger: 'off' }, both)).toContain('by 2026-03-02 14:00:10 UTC.')
  })
})

describe('a bound that running nodes have not confirmed', () => {
  test.each([
    ['no node was seen', { confirmed: 0, silent: [] }, 'none was seen at this database within 10 minutes'],
    [
      'one of two nodes is silent',
      { confirmed: 1, silent: [{ name: 'eu-2 4711', silentSeconds: 14.2 }] },
      '1 of 2 nodes did not confirm it: eu-2 4711 (last seen 14 s ago)',
    ],
  ])('is not printed when %s: the command says what it saw', (_, heard, seen) => {
    const text = boundText(voidBy(now, 300), now, { tokenLedger: 'on' }, heard)
    expect(text).toContain(seen)
    expect(text).not.toContain('within 1 s')
    expect(text).not.toContain('within 12 s')
    expect(boundJson(voidBy(now, 300), heard)).toMatchObject({ void_by: null, confirmed_by: heard.confirmed })
  })
})
