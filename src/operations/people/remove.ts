import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation } from '../operation.ts'
import { accountId } from '../schemas.ts'

/** Removes a person for good, with all their data and tokens. */
export const removePerson = operation({
  name: 'people.remove',
  right: 'people.remove',
  risk: 'high',
  records: ['account.removed'],
  input: z.strictObject({ id: accountId }),
  target: ({ id }) => ({ account: id }),
  plan: async ({ sessions }, { id }) => ({ sessions: await sessions.count(id) }),
  async run({ accounts }, { id }, by) {
    const ended = await accounts.remove(id, { actor: actorName(by) })
    return { output: ended, entry: { kind: 'account.removed', detail: { ...ended } } }
  },
})
