import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type ApiChanges, type ApiInput, changedApi, newApi, scopeTextOf } from '../../src/clients/new-api.ts'
import { Failure } from '../../src/errors/failure.ts'
import { faultsOf } from './clients.ts'

test('an audience is enough for an API', () => {
  expect(newApi({ audience: 'https://api.example' })).toEqual({
    audience: 'https://api.example',
    name: undefined,
    scopes: [],
    scopeTexts: {},
    ttlSeconds: undefined,
    alg: 'ES256',
  })
})

test.each(['https://api.example/v1', 'http://localhost:9500', 'urn:example:orders'])(
  'an API may be named %s',
  (audience) => {
    expect(newApi({ audience, scopes: ['orders:read', 'orders:write'], ttlSeconds: 300, alg: 'RS256' }).audience).toBe(
      audience,
    )
  },
)

test.each([
  ['an audience without scheme is refused', { audience: 'orders' }, /not an absolute URI/],
  ['an audience with a fragment is refused', { audience: 'https://api.example/#x' }, /fragment/],
  ['an audience of another scheme is refused', { audience: 'javascript:alert(1)' }, /name the API by a URI/],
  ['a scope with a space is refused', { audience: 'https://api.example', scopes: ['orders read'] }, /without space/],
  [
    'a scope that OpenID Connect has taken is refused',
    { audience: 'https://api.example', scopes: ['email'] },
    /reserves this name/,
  ],
  ['a duplicate scope is refused', { audience: 'https://api.example', scopes: ['a', 'a'] }, /twice/],
  ['scopes that are no list are refused', { audience: 'https://api.example', scopes: 'a' }, /write a list/],
  ['a lifetime of 0 is refused', { audience: 'https://api.example', ttlSeconds: 0 }, /1 second to 86400/],
  ['a lifetime over a day is refused', { audience: 'https://api.example', ttlSeconds: 86_401 }, /24 hours/],
  ['a fractional lifetime is refused', { audience: 'https://api.example', ttlSeconds: 1.5 }, /1 second/],
  ['an empty name is refused', { audience: 'https://api.example', name: ' ' }, /at least one letter/],
  ['a name of two lines is refused', { audience: 'https://api.example', name: 'a\nb' }, /control or direction/],
  [
    'a text for an unknown scope is refused',
    { audience: 'https://api.example', scopeTexts: { a: 'A' } },
    /no such scope/,
  ],
  [
    'a scope text that turns the writing direction is refused',
    { audience: 'https://api.example', scopes: ['a'], scopeTexts: { a: '\u202eA' } },
    /control or direction/,
  ],
  ['the algorithm none is refused', { audience: 'https://api.example', alg: 'none' }, /choose one of/],
  ['a symmetric algorithm is refused', { audience: 'https://api.example', alg: 'HS256' }, /choose one of/],
])('%s', (_title, input, fault) =>
  expect(faultsOf(() => newApi(input as ApiInput))).toEqual([expect.stringMatching(fault)]),
)

test('any other input is refused by a Failure, never by another error', () => {
  const input = fc.record(
    {
      audience: fc.anything(),
      name: fc.anything(),
      scopeTexts: fc.anything(),
      scopes: fc.anything(),
      ttlSeconds: fc.anything(),
      alg: fc.anything(),
    },
    { requiredKeys: [] },
  )
  fc.assert(
    fc.property(fc.oneof(input, fc.anything()), (anything) => {
      try {
        newApi(anything as ApiInput)
      } catch (error) {
        expect(error).toBeInstanceOf(Failure)
      }
    }),
    { numRuns: 3000 },
  )
})

describe('a change of an API', () => {
  const api = {
    ...newApi({
      audience: 'https://api.example',
      name: 'Orders',
      scopes: ['read', 'write'],
      scopeTexts: { read: 'Read your orders', write: 'Place orders' },
      ttlSeconds: 300,
    }),
    createdAt: new Date(),
  }
  const { createdAt: _, ...same } = api

  test.each<[string, ApiChanges, Partial<ApiInput>]>([
    ['changes nothing when nothing is named', {}, {}],
    ['replaces the name', { name: 'Shop' }, { name: 'Shop' }],
    ['removes the name and the lifetime', { name: null, ttlSeconds: null }, { name: undefined, ttlSeconds: undefined }],
    [
      'removes the text of a scope together with the scope',
      { scopes: ['read', 'admin'] },
      { scopes: ['read', 'admin'], scopeTexts: { read: 'Read your orders' } },
    ],
    [
      'changes the text of one scope and leaves the others',
      { scopeTexts: { read: 'See orders' } },
      { scopeTexts: { read: 'See orders', write: 'Place orders' } },
    ],
    ['removes one text', { scopeTexts: { read: null } }, { scopeTexts: { write: 'Place orders' } }],
  ])('%s', (_title, changes, expected) => expect(changedApi(api, changes)).toEqual({ ...same, ...expected }))

  test('is refused when it gives a text to a scope that the same change removes', () => {
    expect(faultsOf(() => changedApi(api, { scopes: ['read'], scopeTexts: { write: 'Place' } }))).toEqual([
      expect.stringMatching(/no such scope/),
    ])
  })
})

test.each(['constructor', '__proto__', 'toString'])('the scope %s has no text unless one was given', (scope) => {
  const given = { audience: 'https://api.example', scopes: [scope] }
  expect(scopeTextOf(newApi(given), scope)).toBeUndefined()
  const texts = Object.fromEntries([[scope, 'A text']])
  expect(scopeTextOf(newApi({ ...given, scopeTexts: texts }), scope)).toBe('A text')
})
