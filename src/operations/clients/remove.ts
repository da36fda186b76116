import { z } from 'zod'
import { actorName } from '../actor.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { clientId } from '../schemas.ts'

/** Removes a client for good, with its grants and refresh tokens. */
export const removeClient = operation({
  name: 'clients.remove',
  right: 'clients.write',
  risk: 'high',
  records: ['client.removed'],
  input: z.strictObject({ client_id: clientId }),
  target: ({ client_id }) => ({ client: client_id }),
  plan: touchesNothingElse,
  async run({ clients }, { client_id }, by) {
    const ended = await clients.remove(client_id, { actor: actorName(by) })
    return { output: ended, entry: { kind: 'client.removed', detail: { ...ended } } }
  },
})
