import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation } from '../operation.ts'
import { accountId } from '../schemas.ts'

/** Disables a person: no sign-in, and every session, grant and refresh token ends. */
export const disablePerson = operation({
  name: 'people.disable',
  right: 'people.write',
  risk: 'medium',
  undo: 'people.enable',
  records: ['account.disabled'],
  input: z.strictObject({ id: accountId }),
  target: ({ id }) => ({ account: id }),
  plan: async ({ sessions }, { id }) => ({ sessions: await sessions.count(id) }),
  async run({ accounts }, { id }, by) {
    const ended = await accounts.disable(id, { actor: actorName(by) })
    return { output: ended, entry: { kind: 'account.disabled', detail: { ...ended } } }
  },
})
