import { z } from 'zod'
import type { Client } from '../../clients/client.ts'
import { digestOfSecret, needsSecret, newClientSecret, ownSecretDigest } from '../../clients/client-secret.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { clientId } from '../schemas.ts'

/** The longest time that the old secret stays valid next to the new one. */
export const longestOverlapSeconds = 90 * 86_400

/** Gives a client a new secret. A generated secret is in the output and is not stored. The old one is accepted for the overlap. */
export const rotateClientSecret = operation({
  name: 'clients.rotate-secret',
  right: 'clients.secrets',
  risk: 'medium',
  records: ['client.secret-rotated'],
  input: z.strictObject({
    client_id: clientId,
    overlap_seconds: z.int().min(0).max(longestOverlapSeconds),
    /** Chosen by an administrator. Without it a secret is generated. */
    secret: z.string().optional(),
  }),
  target: ({ client_id }) => ({ client: client_id }),
  plan: touchesNothingElse,
  async run({ clients }, { client_id, overlap_seconds, secret }) {
    const before = await clients.find(client_id)
    if (!before) throw new Failure('client_missing', 'missing', `There is no client ${quoted(client_id)}.`)
    refuseWithoutSecret(before)
    const fresh = secret === undefined ? newClientSecret() : undefined
    const digest = fresh === undefined ? ownSecretDigest(secret ?? '') : digestOfSecret(fresh)
    if (before.secretDigest && Buffer.from(before.secretDigest).equals(digest)) {
      throw new Failure('secret_unchanged', 'conflict', `${before.id} has this secret already. Nothing was changed.`)
    }
    const client = await clients.rotateSecret(client_id, digest, overlap_seconds)
    const detail = { overlapSeconds: overlap_seconds, previousUntil: client.previousSecret?.until.toISOString() }
    return { output: { client, secret: fresh }, entry: { kind: 'client.secret-rotated', detail } }
  },
})

/** @throws Failure `client_has_no_secret` (conflict) */
export function refuseWithoutSecret(client: Pick<Client, 'id' | 'tokenEndpointAuthMethod'>): void {
  if (needsSecret(client)) return
  const sentence = `${client.id} authenticates by ${client.tokenEndpointAuthMethod} and has no secret.`
  throw new Failure('client_has_no_secret', 'conflict', sentence)
}
