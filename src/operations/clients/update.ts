import { z } from 'zod'
import { withFreshSecret } from '../../clients/client-secret.ts'
import { type ClientChanges, changedClient } from '../../clients/new-client.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { checkedByItsRoom, clientId } from '../schemas.ts'

/** Changes a client. If the client now needs a secret, one is generated, and the output has it. */
export const updateClient = operation({
  name: 'clients.update',
  right: 'clients.write',
  risk: 'medium',
  records: ['client.changed'],
  input: z.strictObject({ client_id: clientId, changes: checkedByItsRoom<ClientChanges>() }),
  target: ({ client_id }) => ({ client: client_id }),
  plan: touchesNothingElse,
  async run({ clients }, { client_id, changes }) {
    const before = await clients.find(client_id)
    if (!before) throw new Failure('client_missing', 'missing', `There is no client ${quoted(client_id)}.`)
    const { createdAt: _, updatedAt: __, ...rest } = before
    const { client, secret } = withFreshSecret(changedClient(rest, changes))
    const { id: ___, ...whole } = client
    const after = await clients.update(client_id, whole)
    return {
      output: { client: after, secret },
      entry: { kind: 'client.changed', detail: { fields: Object.keys(changes) } },
    }
  },
})
