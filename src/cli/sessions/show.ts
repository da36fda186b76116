import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { dated } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { endOf, logoutCell, sessionJson } from './session-view.ts'

/** `sessions show`: one session, and after its end which apps were notified. */
export const sessionsShow: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('show')
    .description('one browser session, and whether its apps were notified of its end')
    .argument('<id>', 'of the session, from sessions list')
    .action(async (id: string, options: JsonOption) => {
      const desk = await invocation.desk()
      const session = await desk.sessions.find(id)
      if (!session) {
        throw new Failure(
          'session_missing',
          'missing',
          `There is no session ${quoted(id)}. An ended session is shown until a week after its apps were notified.`,
        )
      }
      printer.result(options, sessionJson(session), () => {
        const now = printer.now()
        printer.fields([
          ['session', { text: session.id, tone: 'strong' }],
          ['of', session.accountId],
          ['signed in', session.signedInAt && dated(session.signedInAt, now)],
          [session.endedAt ? 'state' : 'ends', endOf(session, now)],
          ['apps', session.clients],
        ])
        if (session.logouts.length === 0) return
        printer.line()
        printer.table(
          ['APP', 'END NOTIFIED'],
          session.logouts.map((logout) => [logout.clientId, logoutCell(logout, now)]),
        )
      })
    })
  withExample(withJson(command), 'claviger sessions show 4Vm1c0Yc8s')
}
