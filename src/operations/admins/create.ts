import { z } from 'zod'
import { newAccount } from '../../accounts/new-account.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { checkedByItsRoom, passwordHash } from '../schemas.ts'

/** Adds an administrator with a password. */
export const createAdmin = operation({
  name: 'admins.create',
  right: 'admins.write',
  risk: 'high',
  records: ['account.created'],
  input: z.strictObject({ person: checkedByItsRoom<object>(), hash: passwordHash }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ accounts, passwords }, { person, hash }) {
    const account = await accounts.insert({ ...newAccount(person), isAdmin: true })
    await passwords.set(account.id, hash)
    return { output: account, entry: { kind: 'account.created', accountId: account.id, detail: { admin: true } } }
  },
})
