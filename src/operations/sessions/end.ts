import { z } from 'zod'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { actorName } from '../actor.ts'
import { operation, touchesNothingElse } from '../operation.ts'

/** Ends one browser session with its grants and refresh tokens. */
export const endSession = operation({
  name: 'sessions.end',
  right: 'sessions.end',
  risk: 'medium',
  records: ['session.ended'],
  input: z.strictObject({ id: z.string().min(1).max(1024) }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ sessions }, { id }, by) {
    const ended = await sessions.end(id, { actor: actorName(by) })
    if (!ended) {
      throw new Failure('session_missing', 'missing', `There is no session ${quoted(id)}; it may have ended already.`)
    }
    return { output: ended, entry: { kind: 'session.ended', accountId: ended.accountId, detail: { session: id } } }
  },
})
