import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { parseListName, placeFrom, statusClaim, statusListUri } from '../../src/revocation/status-place.ts'

const issuer = 'https://id.example/tenant'

describe('the status claim of a token', () => {
  test('is parsed back to the same list and index', () => {
    fc.assert(
      fc.property(fc.nat(131_071), fc.integer({ min: 0, max: 2 ** 48 - 1 }), (idx, list) => {
        expect(placeFrom(statusClaim({ list, idx }, issuer), issuer)).toEqual({ list, idx })
      }),
    )
  })

  test("names a list under the issuer's URL", () => {
    expect(statusListUri(issuer, 36)).toBe('https://id.example/tenant/status-lists/10')
  })

  test.each([
    ['of another issuer', { status_list: { idx: 1, uri: 'https://other.example/status-lists/10' } }],
    ['without a list', {}],
    ['that is no object', 'status'],
    ['that is absent', undefined],
    ['that is null', null],
    ['whose index is a word', { status_list: { idx: '1', uri: `${issuer}/status-lists/10` } }],
    ['whose URI has a further path segment', { status_list: { idx: 1, uri: `${issuer}/status-lists/10/20` } }],
  ])('%s is parsed to no list', (_, status) => {
    expect(placeFrom(status, issuer)).toBeUndefined()
  })
})

describe('the name of a list', () => {
  test.each(['', '00', '01', 'A', '-1', '1.0', 'zzzzzzzzzz', '11111111111', ' 1', '1e1\0', '../1'])(
    '%j is not a list name',
    (name) => {
      expect(parseListName(name)).toBeUndefined()
    },
  )

  test('can be any other number below 2^48 in base 36', () => {
    expect([0, 35, 2 ** 48 - 1].map((list) => parseListName(list.toString(36)))).toEqual([0, 35, 2 ** 48 - 1])
  })
})
