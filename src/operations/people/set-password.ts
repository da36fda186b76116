import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation } from '../operation.ts'
import { accountId, passwordHash } from '../schemas.ts'

/** Gives a person a new password, and ends their sessions, grants and refresh tokens. */
export const setPassword = operation({
  name: 'people.set-password',
  right: 'people.recover',
  risk: 'medium',
  records: ['password.reset'],
  input: z.strictObject({ id: accountId, hash: passwordHash }),
  target: ({ id }) => ({ account: id }),
  plan: async ({ sessions }, { id }) => ({ sessions: await sessions.count(id) }),
  async run({ passwords }, { id, hash }, by) {
    const ended = await passwords.set(id, hash, { actor: actorName(by) })
    return { output: ended, entry: { kind: 'password.reset', detail: { ...ended } } }
  },
})
