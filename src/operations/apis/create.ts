import { z } from 'zod'
import { type ApiInput, newApi } from '../../clients/new-api.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { checkedByItsRoom } from '../schemas.ts'

/** Adds an API. Clients registered for it receive JWT access tokens with its audience. */
export const createApi = operation({
  name: 'apis.create',
  right: 'apis.write',
  risk: 'medium',
  undo: 'apis.remove',
  records: ['api.created'],
  input: z.strictObject({ api: checkedByItsRoom<ApiInput>() }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ apis }, { api }) {
    const created = await apis.insert(newApi(api))
    return { output: created, entry: { kind: 'api.created', detail: { audience: created.audience } } }
  },
})
