import { z } from 'zod'
import { operation, touchesNothingElse } from '../operation.ts'
import { accountId } from '../schemas.ts'

/** Makes a person an administrator. */
export const giveAdmin = operation({
  name: 'admins.give',
  right: 'admins.write',
  risk: 'high',
  records: ['account.made-admin'],
  input: z.strictObject({ id: accountId }),
  target: ({ id }) => ({ account: id }),
  plan: touchesNothingElse,
  run: async ({ accounts }, { id }) => ({
    output: await accounts.update(id, { isAdmin: true }),
    entry: { kind: 'account.made-admin' },
  }),
})
