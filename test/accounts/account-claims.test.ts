import { describe, expect, test } from '@jest/globals'
import type { Account } from '../../src/accounts/account.ts'
import { accountClaims, claimsFor } from '../../src/accounts/account-claims.ts'

const ada: Account = {
  id: 'acc_1',
  email: 'Ada@example.com',
  emailVerified: true,
  name: 'Ada Lovelace',
  claims: { given_name: 'Ada', phone_number: '+44 20 7946 0000', address: { country: 'GB' } },
  isAdmin: true,
  disabledAt: undefined,
  createdAt: new Date('2026-01-01T00:00:00Z'),
  updatedAt: new Date('2026-01-02T00:00:00.900Z'),
}

describe('claims of a person', () => {
  test('hold all that is known and nothing else', () => {
    expect(accountClaims(ada)).toEqual({
      sub: 'acc_1',
      name: 'Ada Lovelace',
      given_name: 'Ada',
      preferred_username: 'Ada',
      email: 'Ada@example.com',
      email_verified: true,
      phone_number: '+44 20 7946 0000',
      phone_number_verified: false,
      address: { country: 'GB' },
      updated_at: 1767312000,
    })
  })

  test('what is not known is absent, never null or undefined', () => {
    const claims = accountClaims({ ...ada, name: undefined, claims: {} })
    expect(Object.keys(claims).sort()).toEqual(['email', 'email_verified', 'preferred_username', 'sub', 'updated_at'])
  })

  test('preferred_username is the username, else a stored claim, else the address up to the @', () => {
    const claims = { preferred_username: 'countess' }
    const told = (account: Account) => accountClaims(account)['preferred_username']
    expect(told({ ...ada, username: 'ada', claims })).toBe('ada')
    expect(told({ ...ada, claims })).toBe('countess')
    expect(told(ada)).toBe('Ada')
  })

  test('no stored claim can name another person', () => {
    const stored = { sub: 'acc_2', email: 'eve@example.com', email_verified: true } as object
    expect(accountClaims({ ...ada, emailVerified: false, claims: stored })).toMatchObject({
      sub: 'acc_1',
      email: 'Ada@example.com',
      email_verified: false,
    })
  })

  test.each([
    ['openid', ['sub']],
    ['openid email', ['email', 'email_verified', 'sub']],
    ['openid phone', ['phone_number', 'phone_number_verified', 'sub']],
    ['openid address', ['address', 'sub']],
    ['openid profile', ['given_name', 'name', 'preferred_username', 'sub', 'updated_at']],
    ['openid constructor __proto__ orders:read', ['sub']],
  ])('scope "%s" opens %j', (scope, names) => {
    expect(Object.keys(claimsFor(ada, scope)).sort()).toEqual(names)
  })
})
