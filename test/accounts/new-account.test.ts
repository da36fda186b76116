import { describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { accountChanges, newAccount } from '../../src/accounts/new-account.ts'
import { Failure } from '../../src/errors/failure.ts'

const faultsOf = (input: unknown): unknown => {
  try {
    newAccount(input)
    return []
  } catch (error) {
    return (error as Failure).detail.faults
  }
}

describe('a new person', () => {
  test('gets an id that is opaque and never given twice', () => {
    const [one, two] = [newAccount({ email: 'ada@example.com' }), newAccount({ email: 'ada@example.com' })]
    expect(one.id).toMatch(/^acc_[0-9a-f]{32}$/)
    expect(one.id).not.toBe(two.id)
  })

  test('may bring an id along, as an import does', () => {
    expect(newAccount({ id: '0815', email: 'ada@example.com' }).id).toBe('0815')
  })

  test('keeps the email as it was written, without blanks around it', () => {
    expect(newAccount({ email: ' Ada@Example.com ' }).email).toBe('Ada@Example.com')
  })

  test.each([
    [{}, 'email must be an email address'],
    [{ email: 5 }, 'email must be an email address'],
    [{ email: 'ada' }, 'email is not an email address; write it as name@domain, such as ada@example.com'],
    [{ email: 'a@b', nmae: 'Ada' }, 'account has no member nmae'],
    [{ email: 'a@b', name: 'A\nda' }, 'name holds control characters; give one plain line'],
    [{ email: 'a@b', name: '' }, 'name is empty; leave it out instead'],
    [{ email: 'a@b', isAdmin: 'yes' }, 'isAdmin must be true or false'],
    [{ email: 'a@b', id: 'ä' }, 'id must be 1 to 255 visible ASCII characters; leave it out to get one'],
    [{ email: 'a@b', claims: { sub: 'x' } }, 'claims has no member sub'],
    [{ email: 'a@b', claims: { birthdate: '2021-02-30' } }, 'claims.birthdate must be YYYY-MM-DD, or YYYY alone'],
    [
      { email: 'a@b', claims: { picture: 'javascript:alert(1)' } },
      'claims.picture must be a web address that begins with https:// or http://',
    ],
    [
      { email: 'a@b', claims: { zoneinfo: 'Mars/Olympus' } },
      'claims.zoneinfo must be a time zone such as Europe/Paris',
    ],
    [{ email: 'a@b', claims: { locale: 'english!' } }, 'claims.locale must be a language tag such as en-US (BCP 47)'],
    [
      { email: 'a@b', claims: { phone_number: '12' } },
      'claims.phone_number must be in E.164 form, such as +1 425 555 1212',
    ],
    [{ email: 'a@b', claims: { address: { planet: 'x' } } }, 'claims.address has no member planet'],
  ])('%j is refused with "%s"', (input, fault) => {
    expect(faultsOf(input)).toEqual([fault])
  })

  test('hears of all faults at once', () => {
    expect(faultsOf({ email: 'x', name: 1, claims: { locale: 2 } })).toHaveLength(3)
  })

  test('with every claim in order is accepted', () => {
    const claims = {
      given_name: 'Ada',
      birthdate: '0000-02-29',
      zoneinfo: 'Europe/London',
      locale: 'en-GB',
      website: 'https://example.com',
      phone_number: '+44 20 7946 0000',
      address: { formatted: '1 High Street\nLondon', country: 'GB' },
    }
    expect(newAccount({ email: 'ada@example.com', claims }).claims).toEqual(claims)
  })

  test('made of anything at all is accepted or refused with a Failure, never with another error', () => {
    const member = fc.constantFrom('email', 'name', 'claims', 'isAdmin', 'id', '__proto__')
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fc.dictionary(member, fc.anything())), (input) => {
        try {
          newAccount(input)
        } catch (error) {
          expect(error).toBeInstanceOf(Failure)
        }
      }),
      { numRuns: 1000 },
    )
  })
})

test('changes to a person are checked by the same rules, and none is required', () => {
  expect(accountChanges({})).toEqual({})
  expect(accountChanges({ name: ' Ada ' })).toEqual({ name: 'Ada' })
  expect(() => accountChanges({ email: 'x' })).toThrow(/not an email address/)
})
