import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { type Access, consentNeeded } from '../../src/consent/consent.ts'

const nothing: Access = { scopes: [], claims: [], apis: {} }
const requested: Access = {
  scopes: ['openid', 'email'],
  claims: ['nickname'],
  apis: { 'https://api.example': ['orders:read'] },
}
const own = { firstParty: true }
const foreign = { firstParty: false }

describe('consent', () => {
  test('is never asked for by our own app', () => {
    expect(consentNeeded({ client: own, granted: undefined, requested })).toBeUndefined()
  })

  test('is asked for by a third-party app until all is granted', () => {
    expect(consentNeeded({ client: foreign, granted: undefined, requested })).toEqual(requested)
    expect(consentNeeded({ client: foreign, granted: requested, requested })).toBeUndefined()
  })

  test('is asked for before the very first grant even when nothing is requested', () => {
    expect(consentNeeded({ client: foreign, granted: undefined, requested: nothing })).toEqual(nothing)
  })

  test('names only what is missing', () => {
    const granted: Access = { scopes: ['openid'], claims: ['nickname'], apis: { 'https://api.example': [] } }
    expect(consentNeeded({ client: foreign, granted, requested })).toEqual({
      scopes: ['email'],
      claims: [],
      apis: { 'https://api.example': ['orders:read'] },
    })
  })

  test('for one API says nothing about another, nor does the name of a built-in property', () => {
    const asked: Access = { ...nothing, apis: { 'https://other.example': [], constructor: ['x'] } }
    expect(consentNeeded({ client: foreign, granted: requested, requested: asked })?.apis).toEqual(asked.apis)
  })

  test('given for what was missing leaves nothing missing', () => {
    const names = fc.uniqueArray(fc.constantFrom('a', 'b', 'c'))
    const access = fc.record({ scopes: names, claims: names, apis: fc.dictionary(fc.constantFrom('x', 'y'), names) })
    fc.assert(
      fc.property(access, access, (granted, wanted) => {
        const missing = consentNeeded({ client: foreign, granted, requested: wanted }) ?? nothing
        const audiences = [...new Set([...Object.keys(granted.apis), ...Object.keys(missing.apis)])]
        const sum: Access = {
          scopes: [...granted.scopes, ...missing.scopes],
          claims: [...granted.claims, ...missing.claims],
          apis: Object.fromEntries(
            audiences.map((one) => [one, [...(granted.apis[one] ?? []), ...(missing.apis[one] ?? [])]]),
          ),
        }
        expect(consentNeeded({ client: foreign, granted: sum, requested: wanted })).toBeUndefined()
      }),
    )
  })
})
