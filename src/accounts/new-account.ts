import { z } from 'zod'
import { Failure } from '../errors/failure.ts'
import { newAccountId } from './account.ts'
import type { AccountChanges, NewAccount } from './account-store.ts'
import { loginFault } from './login.ts'
import { plainLine, profileClaims, unknownKeys } from './profile-claims.ts'
import { username } from './username.ts'

export const emailAddress = z
  .string({ error: 'must be an email address' })
  .check((candidate) => {
    const fault = loginFault(candidate.value)
    if (fault !== undefined) candidate.issues.push({ code: 'custom', message: fault, input: candidate.value })
  })
  .transform((text) => text.normalize('NFKC').trim())

export const yesOrNo = z.boolean({ error: 'must be true or false' })

const changes = z.strictObject(
  {
    email: emailAddress.optional(),
    emailVerified: yesOrNo.optional(),
    name: plainLine.optional(),
    username: username.optional(),
    claims: profileClaims.optional(),
    isAdmin: yesOrNo.optional(),
  },
  { error: unknownKeys },
)

export const accountId = z.string({ error: idFault }).regex(/^[\x21-\x7e]{1,255}$/, { error: idFault })

const person = changes.extend({ email: emailAddress, id: accountId.optional() })

function idFault(): string {
  return 'must be 1 to 255 visible ASCII characters; leave it out to get one'
}

/**
 * Checks the input for a new person, and makes an id if the input has none.
 * @throws Failure `account_invalid` (invalid) that names every fault at once in its sentence and in `detail.faults`.
 */
export function newAccount(input: unknown): NewAccount {
  const { id, ...rest } = checked(person, input)
  return { id: id ?? newAccountId(), ...rest }
}

/** Checks the input for changes to a person. @throws Failure `account_invalid` (invalid). */
export function accountChanges(input: unknown): AccountChanges {
  return checked(changes, input)
}

/** @throws Failure `account_invalid` (invalid) that names every fault. */
export function checked<T>(schema: z.ZodType<T>, input: unknown): T {
  const result = schema.safeParse(input)
  if (result.success) return result.data
  const faults = result.error.issues.map((issue) => `${issue.path.join('.') || 'account'} ${issue.message}`)
  throw new Failure('account_invalid', 'invalid', `${faults.join('; ')}.`, { detail: { faults } })
}
