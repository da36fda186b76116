import { z } from 'zod'
import { newAccountId } from './account.ts'
import type { NewAccount } from './account-store.ts'
import { accountId, checked, emailAddress, yesOrNo } from './new-account.ts'
import { plainLine, profileClaims, unknownKeys } from './profile-claims.ts'

/** One person from another program's file. */
export interface ImportRow {
  person: NewAccount
  /** The file gave the id; it was not made here. */
  hasOwnId: boolean
  disabled: boolean
  /** In any form; not checked yet. */
  passwordHash: string | undefined
  /** Claims from another program that are not imported, because they are not valid here. */
  leftOut: readonly string[]
}

const row = z.strictObject(
  {
    email: emailAddress,
    name: plainLine.optional(),
    email_verified: yesOrNo.optional(),
    sub: accountId.optional(),
    claims: profileClaims.optional(),
    disabled: yesOrNo.optional(),
    password_hash: z.string({ error: 'must be text' }).optional(),
  },
  { error: unknownKeys },
)

export interface ImportRowOptions {
  /** Invalid claims are left out, and the person is imported without them. */
  isLenient: boolean
}

/**
 * Reads one person. A member that is null counts as left out.
 * @throws Failure `account_invalid` (invalid); its sentence never quotes a value, which may be a hash.
 */
export function readImportRow(value: unknown, { isLenient }: ImportRowOptions): ImportRow {
  const { record, leftOut } = isLenient
    ? withValidClaims(withoutNulls(value))
    : { record: withoutNulls(value), leftOut: [] }
  const { email, name, email_verified: emailVerified, sub, claims, disabled, password_hash } = checked(row, record)
  return {
    person: {
      id: sub ?? newAccountId(),
      email,
      name,
      ...(emailVerified === undefined ? {} : { emailVerified }),
      ...(claims === undefined ? {} : { claims }),
    },
    hasOwnId: sub !== undefined,
    disabled: disabled ?? false,
    passwordHash: password_hash,
    leftOut,
  }
}

function withoutNulls(value: unknown): unknown {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
}

function withValidClaims(value: unknown): { record: unknown; leftOut: string[] } {
  const { claims = {}, ...rest } = value as Record<string, unknown> & { claims?: Record<string, unknown> }
  const leftOut = Object.entries(claims)
    .filter(([name, claim]) => !profileClaims.safeParse({ [name]: claim }).success)
    .map(([name]) => name)
  const kept = Object.entries(claims).filter(([name]) => !leftOut.includes(name))
  return { record: { ...rest, claims: Object.fromEntries(kept) }, leftOut }
}
