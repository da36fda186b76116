import { z } from 'zod'
import { Failure } from '../../errors/failure.ts'
import { operation, touchesNothingElse } from '../operation.ts'

/** Removes an event stream of a receiver with its waiting events. */
export const removeStream = operation({
  name: 'streams.remove',
  right: 'streams.write',
  risk: 'medium',
  records: ['stream.removed'],
  input: z.strictObject({ id: z.string().min(1).max(64) }),
  target: () => ({}),
  plan: touchesNothingElse,
  async run({ streams }, { id }) {
    const stream = await streams.find(id)
    if (!stream) throw new Failure('stream_missing', 'missing', 'There is no such event stream.')
    await streams.remove(id)
    return { output: stream, entry: { kind: 'stream.removed', clientId: stream.clientId, detail: { streamId: id } } }
  },
})
