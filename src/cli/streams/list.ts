import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { statusCell, streamJson, waitingText } from './stream-view.ts'

/** `streams list`. */
export const streamsList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('all event streams, with their status and waiting events')
    .action(async (options: JsonOption) => {
      const streams = await (await invocation.desk()).streams.list()
      printer.result(options, streams.map(streamJson), () => {
        if (streams.length === 0) return printer.line('There is no event stream; receivers create them.')
        printer.table(
          ['STREAM', 'RECEIVER', 'DELIVERY', 'STATUS', 'WAITING', 'LAST ERROR'],
          streams.map((stream) => [
            stream.id,
            stream.clientId,
            stream.delivery.method,
            statusCell(stream),
            waitingText(stream),
            stream.lastError?.slice(0, 60) ?? '–',
          ]),
        )
      })
      if (streams.length === 0) printer.next("clients add --preset service --name 'SIEM' --right shared-signals")
    })
  withExample(withJson(command), 'claviger streams list')
}
