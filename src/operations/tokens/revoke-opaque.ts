import { z } from 'zod'
import { Failure } from '../../errors/failure.ts'
import { operation, touchesNothingElse } from '../operation.ts'

/** Revokes a stored token by its value: a refresh token with its grant (RFC 7009 §2.1), or an access token alone. */
export const revokeOpaqueToken = operation({
  name: 'tokens.revoke-opaque',
  right: 'tokens.revoke',
  risk: 'medium',
  records: ['token.revoked'],
  input: z.strictObject({ token: z.string().min(1) }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ revocations }, { token }) {
    const revoked = await revocations.revokeOpaque(token)
    if (!revoked) {
      throw new Failure('token_unknown', 'missing', 'No active token matches. It may have expired or been revoked.')
    }
    const { what, clientId, accountId } = revoked
    const about = { ...(clientId ? { clientId } : {}), ...(accountId ? { accountId } : {}) }
    return { output: revoked, entry: { kind: 'token.revoked', ...about, detail: { token: what } } }
  },
})
