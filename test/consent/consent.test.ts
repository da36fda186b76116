import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Access, asksConsent, consentLasts, missingAccess, sharedAccess } from '../../src/consent/consent.ts'

const nothing: Access = { scopes: [], claims: [], apis: {} }

test('an app of our own never asks, an app of somebody else always does', () => {
  expect(asksConsent({ firstParty: true })).toBe(false)
  expect(asksConsent({ firstParty: false })).toBe(true)
})

describe('the answer to an app', () => {
  test.each([
    ['is never needed by an app of our own', { firstParty: true, preset: 'spa' }, 'never-asked'],
    ['is never needed by an app of our own, native or not', { firstParty: true, preset: 'native' }, 'never-asked'],
    ['lasts until it is withdrawn for a guest app of an administrator', { firstParty: false }, 'until-withdrawn'],
    [
      'lasts for the session for an app that registered itself',
      { firstParty: false, isSelfRegistered: true },
      'session',
    ],
    [
      'lasts for one request of a native app that registered itself',
      { firstParty: false, preset: 'native', isSelfRegistered: true },
      'once',
    ],
    ['lasts for one request of a native app', { firstParty: false, preset: 'native' }, 'once'],
  ] as const)('%s', (_, client, duration) => {
    expect(consentLasts(client)).toBe(duration)
  })
})

test('what a request and an earlier answer share is asked about no more, and the rest is', () => {
  const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c', 'd'))
  const access = fc.record({ scopes: names, claims: names, apis: fc.dictionary(fc.constantFrom('x', 'y'), names) })
  fc.assert(
    fc.property(access, access, (wanted, held) => {
      const shared = sharedAccess(wanted, held) ?? nothing
      const rest = missingAccess(wanted, held) ?? nothing
      const all = ({ scopes, claims, apis }: Access) => [
        ...scopes.map((scope) => `scope ${scope}`),
        ...claims.map((claim) => `claim ${claim}`),
        ...Object.entries(apis).flatMap(([api, ofApi]) => ofApi.map((scope) => `${api} ${scope}`)),
      ]
      expect([...all(shared), ...all(rest)].sort()).toEqual(all(wanted).sort())
      expect(all(shared).every((one) => all(held).includes(one))).toBe(true)
    }),
  )
})

describe('what a person has to be asked for', () => {
  const requested: Access = {
    scopes: ['openid', 'email'],
    claims: ['phone_number'],
    apis: { 'https://api.example.com': ['read', 'write'] },
  }

  test('is everything at first', () => {
    expect(missingAccess(requested, nothing)).toEqual(requested)
  })

  test('is nothing once everything was answered', () => {
    expect(missingAccess(requested, requested)).toBeUndefined()
  })

  test('is only what is new', () => {
    const answered: Access = {
      scopes: ['openid'],
      claims: ['phone_number'],
      apis: { 'https://api.example.com': ['read'] },
    }
    expect(missingAccess(requested, answered)).toEqual({
      scopes: ['email'],
      claims: [],
      apis: { 'https://api.example.com': ['write'] },
    })
  })

  test('is not answered by the same scope of another API', () => {
    const answered: Access = { ...requested, apis: { 'https://other.example.com': ['read', 'write'] } }
    expect(missingAccess(requested, answered)?.apis).toEqual(requested.apis)
  })

  test('is nothing after it was granted, whatever was asked and held before', () => {
    const names = fc.array(fc.constantFrom('a', 'b', 'c', '__proto__', 'constructor', 'toString'))
    const apis = fc.dictionary(fc.constantFrom('urn:one', 'urn:two', '__proto__', 'constructor'), names)
    const access = fc.record({ scopes: names, claims: names, apis })
    fc.assert(
      fc.property(access, access, (wanted, held) => {
        const missing = missingAccess(wanted, held) ?? nothing
        const audiences = new Set([...Object.keys(held.apis), ...Object.keys(missing.apis)])
        const after: Access = {
          scopes: [...held.scopes, ...missing.scopes],
          claims: [...held.claims, ...missing.claims],
          apis: Object.fromEntries(
            [...audiences].map((audience) => [
              audience,
              [...(own(held.apis, audience) ?? []), ...(own(missing.apis, audience) ?? [])],
            ]),
          ),
        }
        expect(missingAccess(wanted, after)).toBeUndefined()
      }),
      { numRuns: 1000 },
    )
  })
})

const own = (apis: Access['apis'], audience: string) => (Object.hasOwn(apis, audience) ? apis[audience] : undefined)
