import { z } from 'zod'
import { newAccount } from '../../accounts/new-account.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { checkedByItsRoom, passwordHash } from '../schemas.ts'

/** The input of `newAccount` without `isAdmin`: only `admins.create` adds an administrator. */
type NewPerson = Omit<Parameters<typeof newAccount>[0] & object, 'isAdmin'>

/** Adds a person, with a password if one is given. */
export const createPerson = operation({
  name: 'people.create',
  right: 'people.write',
  risk: 'medium',
  undo: 'people.remove',
  records: ['account.created'],
  input: z.strictObject({ person: checkedByItsRoom<NewPerson>(), hash: passwordHash.optional() }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ accounts, passwords }, { person, hash }) {
    const account = await accounts.insert({ ...newAccount(person), isAdmin: false })
    if (hash) await passwords.set(account.id, hash)
    return { output: account, entry: { kind: 'account.created', accountId: account.id } }
  },
})
