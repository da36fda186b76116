import { z } from 'zod'
import { Failure } from '../../errors/failure.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { accountId } from '../schemas.ts'

/** Lets a person sign in at once: forgets failed sign-ins and enables the account. */
export const unlockPerson = operation({
  name: 'people.unlock',
  right: 'people.recover',
  risk: 'low',
  records: ['account.unlocked'],
  input: z.strictObject({ id: accountId }),
  target: ({ id }) => ({ account: id }),
  plan: touchesNothingElse,
  async run({ accounts, attempts }, { id }) {
    const before = await accounts.find(id)
    if (!before) throw new Failure('account_missing', 'missing', 'There is no such account.')
    await attempts.forget(before)
    const account = before.disabledAt ? await accounts.enable(id) : before
    const detail = { enabled: before.disabledAt !== undefined }
    return { output: account, entry: { kind: 'account.unlocked', detail } }
  },
})
