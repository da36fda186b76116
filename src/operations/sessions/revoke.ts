import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation, touchesNothingElse } from '../operation.ts'

/** Revokes every token with the `sid`, and ends the session if it is active. */
export const revokeSession = operation({
  name: 'sessions.revoke',
  right: 'sessions.end',
  risk: 'medium',
  records: ['session.ended'],
  input: z.strictObject({ sid: z.string().min(1).max(1024) }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ revocations }, { sid }, by) {
    const { ended } = await revocations.revokeSession(sid, { actor: actorName(by) })
    return { output: { ended }, entry: { kind: 'session.ended', detail: { sid, ended } } }
  },
})
