import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation } from '../operation.ts'
import { accountId } from '../schemas.ts'

/** Ends every session, grant and refresh token of a person. */
export const endPersonSessions = operation({
  name: 'people.end-sessions',
  right: 'people.recover',
  risk: 'medium',
  records: ['account.signed-out'],
  input: z.strictObject({ id: accountId }),
  target: ({ id }) => ({ account: id }),
  plan: async ({ sessions }, { id }) => ({ sessions: await sessions.count(id) }),
  async run({ accounts }, { id }, by) {
    const ended = await accounts.signOut(id, { actor: actorName(by) })
    return { output: ended, entry: { kind: 'account.signed-out', detail: { ...ended } } }
  },
})
