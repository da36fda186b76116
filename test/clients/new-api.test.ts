import { expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type ApiInput, newApi } from '../../src/clients/new-api.ts'
import { Failure } from '../../src/errors/failure.ts'
import { faultsOf } from './clients.ts'

test('an audience is enough for an API', () => {
  expect(newApi({ audience: 'https://api.example' })).toEqual({
    audience: 'https://api.example',
    scopes: [],
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
  ['a scope with a blank is refused', { audience: 'https://api.example', scopes: ['orders read'] }, /without blank/],
  [
    'a scope that OpenID Connect has taken is refused',
    { audience: 'https://api.example', scopes: ['email'] },
    /has taken this name/,
  ],
  ['a scope stands once', { audience: 'https://api.example', scopes: ['a', 'a'] }, /twice/],
  ['scopes are a list', { audience: 'https://api.example', scopes: 'a' }, /write a list/],
  ['a lifetime of nothing is refused', { audience: 'https://api.example', ttlSeconds: 0 }, /1 second to 86400/],
  ['a lifetime over a day is refused', { audience: 'https://api.example', ttlSeconds: 86_401 }, /24 hours/],
  ['a lifetime is a whole number', { audience: 'https://api.example', ttlSeconds: 1.5 }, /1 second/],
  ['an unsigned token is not to be had', { audience: 'https://api.example', alg: 'none' }, /choose one of/],
  ['a symmetric algorithm is not to be had', { audience: 'https://api.example', alg: 'HS256' }, /choose one of/],
])('%s', (_title, input, fault) =>
  expect(faultsOf(() => newApi(input as ApiInput))).toEqual([expect.stringMatching(fault)]),
)

test('anything else is refused by a Failure, never by another error', () => {
  const input = fc.record(
    { audience: fc.anything(), scopes: fc.anything(), ttlSeconds: fc.anything(), alg: fc.anything() },
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
