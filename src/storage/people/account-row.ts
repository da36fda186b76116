import type { Account, AccountId, ProfileClaims } from '../../accounts/account.ts'

/** A row of `accounts`, from `pg` or from `to_jsonb(accounts)`, which returns times as text. */
export interface AccountRow {
  id: AccountId
  email: string
  email_verified: boolean
  name: string | null
  username: string | null
  claims: ProfileClaims
  is_admin: boolean
  disabled_at: Date | string | null
  revoked_before: string | number | null
  created_at: Date | string
  updated_at: Date | string
}

/** Columns for `select`, without `login`, which only the database compares. */
export const accountColumns =
  'id, email, email_verified, name, username, claims, is_admin, disabled_at, revoked_before, created_at, updated_at'

export function accountFromRow(row: AccountRow): Account {
  return {
    id: row.id,
    email: row.email,
    emailVerified: row.email_verified,
    name: row.name ?? undefined,
    username: row.username ?? undefined,
    claims: row.claims,
    isAdmin: row.is_admin,
    disabledAt: row.disabled_at === null ? undefined : new Date(row.disabled_at),
    revokedBefore: row.revoked_before === null ? undefined : Number(row.revoked_before),
    createdAt: new Date(row.created_at),
    updatedAt: new Date(row.updated_at),
  }
}
