import { removeStream } from '../../operations/streams/remove.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { AddCommand } from '../nouns.ts'
import { getStream, streamJson, waitingText } from './stream-view.ts'

/** `streams remove`: the receiver loses the events that wait in the stream. */
export const streamsRemove: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('remove')
    .description('remove an event stream with its waiting events; the receiver can create another')
    .argument('<stream_id>', 'from streams list')
    .action(async (id: string, options: ConfirmedOptions) => {
      const desk = await invocation.desk()
      const stream = await getStream(desk, id)
      const what = `the stream ${stream.id} of ${stream.clientId} with ${waitingText(stream)} waiting`
      if (options.dryRun) {
        printer.result(options, { ...streamJson(stream), dry_run: true }, () => printer.line(`Would remove ${what}.`))
        return
      }
      if (!(await isConfirmed(invocation, options, `Remove ${what}?`))) return
      await invocation.perform(removeStream, { id })
      printer.result(options, { ...streamJson(stream), removed: true }, () =>
        printer.line({ text: 'Removed', tone: 'good' }, ` ${what}.`),
      )
    })
  withExample(withConfirmation(command), 'claviger streams remove 5b3e0c9f8a7d61425b3e0c9f8a7d6142')
}
