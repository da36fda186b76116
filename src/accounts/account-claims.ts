import type { Account, ProfileClaims } from './account.ts'
import { localPartOf } from './username.ts'

/** Which scope asks for which claims (OpenID Connect Core §5.4). */
export const claimsByScope = {
  openid: ['sub'],
  profile: [
    'name',
    'family_name',
    'given_name',
    'middle_name',
    'nickname',
    'preferred_username',
    'profile',
    'picture',
    'website',
    'gender',
    'birthdate',
    'zoneinfo',
    'locale',
    'updated_at',
  ],
  email: ['email', 'email_verified'],
  address: ['address'],
  phone: ['phone_number', 'phone_number_verified'],
} as const satisfies Record<string, readonly string[]>

export type ClaimScope = keyof typeof claimsByScope

const isClaimScope = (scope: string): scope is ClaimScope => Object.hasOwn(claimsByScope, scope)

/** All standard claims of a person. Unknown ones are absent, never null (OpenID Connect Core §5.3.2). */
export function accountClaims(account: Account): Record<string, unknown> {
  const profile: ProfileClaims = account.claims
  const claims: Record<string, unknown> = {
    ...profile,
    name: account.name,
    preferred_username: account.username ?? profile.preferred_username ?? localPartOf(account.email),
    // Without the number, its verification has no meaning.
    phone_number_verified: profile.phone_number === undefined ? undefined : (profile.phone_number_verified ?? false),
    email: account.email,
    email_verified: account.emailVerified,
    updated_at: Math.floor(account.updatedAt.getTime() / 1000),
    // Set last, so that no stored claim can name another person.
    sub: account.id,
  }
  return Object.fromEntries(Object.entries(claims).filter(([, value]) => value !== undefined && value !== null))
}

/** The claims for `scopes` (blank-separated or a list). `sub` is always among them. */
export function claimsFor(account: Account, scopes: string | readonly string[]): Record<string, unknown> {
  const asked = typeof scopes === 'string' ? scopes.split(' ') : scopes
  const names = new Set<string>(['sub', ...asked.filter(isClaimScope).flatMap((scope) => claimsByScope[scope])])
  return Object.fromEntries(Object.entries(accountClaims(account)).filter(([name]) => names.has(name)))
}
