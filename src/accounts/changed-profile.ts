/** Computes the changes for the store when a profile is edited. */
import type { Account, ProfileClaims } from './account.ts'
import type { AccountChanges } from './account-store.ts'
import { accountChanges } from './new-account.ts'

/** A member that is left out stays unchanged; null removes. */
export interface ProfileChanges {
  email?: string
  emailVerified?: boolean
  name?: string | null
  username?: string | null
  /** By claim, or by member of the address, such as `address.locality`. Only the claims named here change. */
  claims?: Readonly<Record<string, unknown>>
}

/**
 * The changes for the store, with all claims after the change. A new phone number is not verified unless the changes
 * verify it; the store does the same for a new address. @throws Failure `account_invalid` (invalid).
 */
export function changedProfile(account: Account, changes: ProfileChanges): AccountChanges {
  const { email, emailVerified, name, username, claims = {} } = changes
  const checked = accountChanges({
    ...(email === undefined ? {} : { email }),
    ...(emailVerified === undefined ? {} : { emailVerified }),
    ...(typeof name === 'string' ? { name } : {}),
    ...(typeof username === 'string' ? { username } : {}),
    ...(Object.keys(claims).length === 0 ? {} : { claims: mergedClaims(account.claims, claims) }),
  })
  return { ...checked, ...(name === null ? { name } : {}), ...(username === null ? { username } : {}) }
}

function mergedClaims(before: ProfileClaims, changes: Readonly<Record<string, unknown>>): Record<string, unknown> {
  const isNewNumber = 'phone_number' in changes && changes.phone_number !== before.phone_number
  const claims: Record<string, unknown> = { ...before, ...(isNewNumber ? { phone_number_verified: undefined } : {}) }
  for (const [name, value] of Object.entries(changes)) {
    const [claim = '', member] = name.split(/\.(.*)/s)
    claims[claim] = member === undefined ? value : { ...(claims[claim] as object), [member]: value }
  }
  const { address } = claims
  if (typeof address === 'object' && address !== null) claims.address = withoutEmpty(address)
  return withoutEmpty(claims) ?? {}
}

/** Undefined when no member is left. */
function withoutEmpty(record: object): Record<string, unknown> | undefined {
  const kept = Object.entries(record).filter(([, value]) => value !== null && value !== undefined)
  return kept.length === 0 ? undefined : Object.fromEntries(kept)
}
