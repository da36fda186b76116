import { z } from 'zod'
import { operation, touchesNothingElse } from '../operation.ts'

/** Removes an API that no client is registered for. */
export const removeApi = operation({
  name: 'apis.remove',
  right: 'apis.write',
  risk: 'high',
  records: ['api.removed'],
  input: z.strictObject({ audience: z.string().min(1).max(2048) }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ apis }, { audience }) {
    await apis.remove(audience)
    return { output: undefined, entry: { kind: 'api.removed', detail: { audience } } }
  },
})
