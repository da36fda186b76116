/**
 * accounts stores a person's sign-in name and claims, and whether the person may sign in. Passwords belong to
 * `credentials`, and consents to `consent`.
 */
import { randomBytes } from 'node:crypto'

/** The `sub` of every token: opaque, never reused, at most 255 ASCII characters (OpenID Connect Core §2). */
export type AccountId = string

export const newAccountId = (): AccountId => `acc_${randomBytes(16).toString('hex')}`

/** An OpenID Connect address claim (Core §5.1.1). */
export interface Address {
  formatted?: string
  street_address?: string
  locality?: string
  region?: string
  postal_code?: string
  country?: string
}

/** Standard claims a person may have besides the columns of `Account` (OpenID Connect Core §5.1). */
export interface ProfileClaims {
  given_name?: string
  family_name?: string
  middle_name?: string
  nickname?: string
  preferred_username?: string
  profile?: string
  picture?: string
  website?: string
  gender?: string
  birthdate?: string
  zoneinfo?: string
  locale?: string
  address?: Address
  phone_number?: string
  phone_number_verified?: boolean
}

export interface Account {
  readonly id: AccountId
  /** As the person typed it; `normaliseLogin(email)` is unique. */
  readonly email: string
  readonly emailVerified: boolean
  readonly name: string | undefined
  /** Unique in any case; apps get it as `preferred_username`. */
  readonly username?: string | undefined
  readonly claims: ProfileClaims
  readonly isAdmin: boolean
  readonly disabledAt: Date | undefined
  /**
   * Seconds. Tokens with an earlier `iat` are revoked, and new tokens get no earlier `iat`. Undefined: nothing was ever
   * revoked.
   */
  readonly revokedBefore?: number | undefined
  readonly createdAt: Date
  readonly updatedAt: Date
}
