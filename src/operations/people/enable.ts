import { z } from 'zod'
import { operation, touchesNothingElse } from '../operation.ts'
import { accountId } from '../schemas.ts'

/** Lets a disabled person sign in again. */
export const enablePerson = operation({
  name: 'people.enable',
  right: 'people.write',
  risk: 'medium',
  undo: 'people.disable',
  records: ['account.enabled'],
  input: z.strictObject({ id: accountId }),
  target: ({ id }) => ({ account: id }),
  plan: touchesNothingElse,
  run: async ({ accounts }, { id }) => ({ output: await accounts.enable(id), entry: { kind: 'account.enabled' } }),
})
