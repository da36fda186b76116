import { z } from 'zod'
import { Failure } from '../../errors/failure.ts'
import { actorName } from '../actor.ts'
import { operation } from '../operation.ts'
import { accountId, passwordHash } from '../schemas.ts'

/** Gives an administrator a new password, enables them, forgets failed sign-ins and ends their sessions. */
export const resetAdmin = operation({
  name: 'admins.reset',
  right: 'admins.write',
  risk: 'high',
  records: ['password.reset'],
  input: z.strictObject({ id: accountId, hash: passwordHash }),
  target: ({ id }) => ({ account: id }),
  plan: async ({ sessions }, { id }) => ({ sessions: await sessions.count(id) }),
  async run({ accounts, passwords, attempts }, { id, hash }, by) {
    const before = await accounts.find(id)
    if (!before) throw new Failure('account_missing', 'missing', 'There is no such account.')
    const ended = await passwords.set(id, hash, { actor: actorName(by) })
    const account = before.disabledAt ? await accounts.enable(id) : before
    await attempts.forget(before)
    const detail = { ...ended, admin: true, enabled: before.disabledAt !== undefined }
    return { output: { account, ended }, entry: { kind: 'password.reset', detail } }
  },
})
