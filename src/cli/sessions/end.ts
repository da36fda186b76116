import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { endSession } from '../../operations/sessions/end.ts'
import { boundJson, boundText, lastExpiry } from '../bound.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import type { AddCommand } from '../nouns.ts'

/** `sessions end`: signs one browser out; other sessions of the person stay. */
export const sessionsEnd: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('end')
    .description('end one browser session, with its grants and refresh tokens')
    .argument('<id>', 'of the session, from sessions list')
    .action(async (id: string, options: ConfirmedOptions) => {
      const desk = await invocation.desk()
      if (options.dryRun) {
        const session = await desk.sessions.find(id)
        if (!session || session.endedAt) throw missing(id)
        printer.result(options, { id, dry_run: true }, () => printer.line(`Would end session ${id}.`))
        return
      }
      if (!(await isConfirmed(invocation, options, `End session ${id}?`))) return
      await invocation.perform(endSession, { id })
      const heard = await desk.nodes.confirm()
      const until = lastExpiry(printer.now(), await desk.revocations.longestTokenSeconds())
      printer.result(options, { id, ended: true, ...boundJson(until, heard) }, () => {
        printer.line({ text: 'Ended', tone: 'good' }, ` session ${id}.`)
        printer.line(boundText(until, printer.now(), desk.config, heard))
      })
    })
  withExample(withConfirmation(command), 'claviger sessions end 4Vm1c0Yc8s')
}

const missing = (id: string) =>
  new Failure('session_missing', 'missing', `There is no session ${quoted(id)}; it may have ended already.`)
