import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation, touchesNothingElse } from '../operation.ts'

/** Revokes every access token that the issuer issued so far. Sessions and refresh tokens stay valid. */
export const revokeAllTokens = operation({
  name: 'tokens.revoke-all',
  right: 'tokens.revoke',
  risk: 'high',
  records: ['token.revoked'],
  input: z.strictObject({ issuer: z.url() }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ revocations }, { issuer }, by) {
    await revocations.revokeAll(issuer, { actor: actorName(by) })
    return { output: undefined, entry: { kind: 'token.revoked', detail: { iss: issuer } } }
  },
})
