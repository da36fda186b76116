import { z } from 'zod'
import { Failure } from '../errors/failure.ts'
import { newAccountId } from './account.ts'
import type { NewAccount } from './account-store.ts'
import { accountId, checked, emailAddress, yesOrNo } from './new-account.ts'
import { plainLine, profileClaims, unknownKeys } from './profile-claims.ts'

/** One person as another program wrote them down. */
export interface ImportRow {
  person: NewAccount
  /** The id is theirs from before, not one that was made here. */
  hasOwnId: boolean
  disabled: boolean
  /** In whatever form; unchecked. */
  passwordHash: string | undefined
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

/**
 * Reads one line of a file of people. A member that is null counts as left out.
 * @throws Failure `row_not_json`, `account_invalid` (invalid); it never quotes the line, which may hold a hash.
 */
export function readImportRow(text: string): ImportRow {
  const {
    email,
    name,
    email_verified: emailVerified,
    sub,
    claims,
    disabled,
    password_hash,
  } = checked(row, parsed(text))
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
  }
}

function parsed(text: string): unknown {
  let value: unknown
  try {
    value = JSON.parse(text)
  } catch {
    // The parser's own words quote what it met.
    throw new Failure('row_not_json', 'invalid', 'is not JSON; write one object a line')
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return value
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== null))
}
