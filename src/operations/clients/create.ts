import { z } from 'zod'
import { withFreshSecret } from '../../clients/client-secret.ts'
import { type ClientInput, newClient } from '../../clients/new-client.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { checkedByItsRoom } from '../schemas.ts'

/** Registers a client. A generated secret is in the output and is not stored. */
export const createClient = operation({
  name: 'clients.create',
  right: 'clients.write',
  risk: 'medium',
  undo: 'clients.remove',
  records: ['client.created'],
  input: z.strictObject({ client: checkedByItsRoom<ClientInput>() }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ clients }, { client }) {
    const { client: complete, secret } = withFreshSecret(newClient(client))
    const created = await clients.insert(complete)
    return { output: { client: created, secret }, entry: { kind: 'client.created', clientId: created.id } }
  },
})
