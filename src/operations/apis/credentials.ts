import { z } from 'zod'
import { newApiCredentials } from '../../clients/api-credentials.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { operation, touchesNothingElse } from '../operation.ts'

/** Creates credentials for an API itself, to read the revocation feed and introspect its own tokens. */
export const createApiCredentials = operation({
  name: 'apis.credentials',
  right: 'clients.secrets',
  risk: 'medium',
  records: ['client.created'],
  input: z.strictObject({ audience: z.string().min(1).max(2048) }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ apis, clients }, { audience }) {
    if (!(await apis.find(audience))) {
      throw new Failure('api_missing', 'missing', `There is no API ${quoted(audience)}.`)
    }
    const { client, secret } = newApiCredentials(audience)
    await clients.insert(client)
    return {
      output: { client_id: client.id, client_secret: secret },
      entry: { kind: 'client.created', clientId: client.id, detail: { servesApi: audience } },
    }
  },
})
