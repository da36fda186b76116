import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation, touchesNothingElse } from '../operation.ts'

/** Revokes one access token, named by its `jti`. */
export const revokeToken = operation({
  name: 'tokens.revoke',
  right: 'tokens.revoke',
  risk: 'medium',
  records: ['token.revoked'],
  input: z.strictObject({ jti: z.string().min(1).max(1024), expires_at: z.date().optional() }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ revocations }, { jti, expires_at }, by) {
    await revocations.revokeToken(jti, { actor: actorName(by), expiresAt: expires_at })
    return { output: undefined, entry: { kind: 'token.revoked', detail: { jti } } }
  },
})
