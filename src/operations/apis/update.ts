import { z } from 'zod'
import { type ApiChanges, changedApi } from '../../clients/new-api.ts'
import { operation, touchesNothingElse } from '../operation.ts'
import { checkedByItsRoom } from '../schemas.ts'

/** Changes scopes, lifetime, name and texts of an API; its clients stay registered for it. */
export const updateApi = operation({
  name: 'apis.update',
  right: 'apis.write',
  risk: 'medium',
  records: ['api.changed'],
  input: z.strictObject({ audience: z.string().min(1).max(2048), changes: checkedByItsRoom<ApiChanges>() }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ apis }, { audience, changes }) {
    // Applies the change to the stored API, so that neither of two concurrent changes is lost.
    const api = await apis.update(audience, (stored) => changedApi(stored, changes))
    return { output: api, entry: { kind: 'api.changed', detail: { audience, fields: Object.keys(changes) } } }
  },
})
