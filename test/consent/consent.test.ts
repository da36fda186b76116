import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Access, asksConsent, missingAccess } from '../../src/consent/consent.ts'

const nothing: Access = { scopes: [], claims: [], apis: {} }

test('an app of our own never asks, an app of somebody else always does', () => {
  expect(asksConsent({ firstParty: true })).toBe(false)
  expect(asksConsent({ firstParty: false })).toBe(true)
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
