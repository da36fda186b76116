import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { getStream, printStream, streamJson } from './stream-view.ts'

/** `streams show`. */
export const streamsShow: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('show')
    .description('one event stream, with its status, waiting events and last error')
    .argument('<stream_id>', 'from streams list')
    .action(async (id: string, options: JsonOption) => {
      const stream = await getStream(await invocation.desk(), id)
      printer.result(options, streamJson(stream), () => printStream(printer, stream))
    })
  withExample(withJson(command), 'claviger streams show 5b3e0c9f8a7d61425b3e0c9f8a7d6142')
}
