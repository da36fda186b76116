import { describe, expect, test } from '@jest/globals'
import { boundJson, boundText, lastExpiry } from '../../src/cli/bound.ts'

const now = new Date('2026-03-01T14:00:10Z')

const both = { confirmed: 2, silent: [] }

describe('the bound of a confirmed revocation', () => {
  test('is stated for connected and for plain JWKS verifiers', () => {
    expect(boundText(lastExpiry(now, 300), now, { tokenLedger: 'off' }, both)).toBe(
      'Rejected by connected verifiers within 1 second; by plain JWKS verifiers no later than 14:05:10 UTC.',
    )
  })

  test('includes readers of status lists when the token ledger is on', () => {
    expect(boundText(lastExpiry(now, 300), now, { tokenLedger: 'on' }, both)).toBe(
      'Rejected by connected verifiers within 1 second; by readers of status lists within 12 seconds; by plain JWKS verifiers no later than 14:05:10 UTC.',
    )
  })

  test('includes the date when it falls on another day', () => {
    expect(boundText(lastExpiry(now, 86_400), now, { tokenLedger: 'off' }, both)).toContain(
      'no later than 2026-03-02 14:00:10 UTC.',
    )
  })
})

describe('the bound of an unconfirmed revocation', () => {
  test.each([
    ['no node was seen', { confirmed: 0, silent: [] }, 'no node was seen at this database in the last 10 minutes'],
    [
      'one of two nodes is silent',
      { confirmed: 1, silent: [{ name: 'eu-2 4711', silentSeconds: 14.2 }] },
      '1 of 2 nodes did not confirm it: eu-2 4711 (last seen 14 s ago)',
    ],
  ])('is not printed when %s, and the text says what was seen', (_, heard, seen) => {
    const text = boundText(lastExpiry(now, 300), now, { tokenLedger: 'on' }, heard)
    expect(text).toContain(seen)
    expect(text).not.toContain('within 1 s')
    expect(text).not.toContain('within 12 s')
    expect(boundJson(lastExpiry(now, 300), heard)).toMatchObject({ void_by: null, confirmed_by: heard.confirmed })
  })
})
