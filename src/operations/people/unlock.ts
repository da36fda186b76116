import { z } from 'zod'
import { Failure } from '../../errors/failure.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { accountId } from '../schemas.ts'

/** Forgets the failed sign-ins that are counted against a person, wherever they came from. */
export const unlockPerson = operation({
  name: 'people.unlock',
  right: 'people.recover',
  risk: 'low',
  records: ['account.unlocked'],
  input: z.strictObject({ id: accountId }),
  target: ({ id }) => ({ account: id }),
  plan: touchesNothingElse,
  async run({ accounts, attempts }, { id }) {
    const account = await accounts.find(id)
    if (!account) throw new Failure('account_missing', 'missing', 'There is no such account.')
    await attempts.forget(account)
    return { output: account, entry: { kind: 'account.unlocked' } }
  },
})
