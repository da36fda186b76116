import { endSession } from '../../operations/sessions/end.ts'
import { boundJson, boundText, voidBy } from '../bound.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'

/** `sessions end`: one browser is signed out, the others stay. */
export const sessionsEnd: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('end')
    .description('end one browser session, with the grants and refresh tokens that hang on it')
    .argument('<id>', 'of the session, from sessions list')
    .action(async (id: string, options: JsonOption) => {
      const desk = await invocation.desk()
      await invocation.perform(endSession, { id })
      const heard = await desk.nodes.confirm()
      const until = voidBy(printer.now(), await desk.revocations.longestTokenSeconds())
      printer.result(options, { id, ended: true, ...boundJson(until, heard) }, () => {
        printer.line({ text: 'Ended', tone: 'good' }, ` session ${id}.`)
        printer.line(boundText(until, printer.now(), desk.config, heard))
      })
    })
  withExample(withJson(command), 'claviger sessions end 4Vm1c0Yc8s')
}
