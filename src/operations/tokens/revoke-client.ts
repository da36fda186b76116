import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { clientId } from '../schemas.ts'

/** Revokes every grant and token of an app. The app stays registered. */
export const revokeClientTokens = operation({
  name: 'tokens.revoke-client',
  right: 'tokens.revoke',
  risk: 'high',
  records: ['token.revoked'],
  input: z.strictObject({ client_id: clientId }),
  target: ({ client_id }) => ({ client: client_id }),
  plan: touchesNothingElse,
  async run({ revocations }, { client_id }, by) {
    const ended = await revocations.revokeClient(client_id, { actor: actorName(by) })
    return { output: ended, entry: { kind: 'token.revoked', detail: { client_id, ...ended } } }
  },
})
