import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { getPerson } from '../users/person.ts'
import { endOf, logoutCell, sessionJson } from './session-view.ts'

/** `sessions list`: where a person is signed in. */
export const sessionsList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('the browser sessions of a person, and whether apps were notified of those that have ended')
    .requiredOption('--user <person>', 'email address or account id (acc_…)')
    .action(async (options: JsonOption & { user: string }) => {
      const desk = await invocation.desk()
      const person = await getPerson(desk, options.user)
      const sessions = [...(await desk.sessions.list(person.id)), ...(await desk.sessions.listEnded(person.id))]
      printer.result(options, sessions.map(sessionJson), () => {
        if (sessions.length === 0) return printer.line(`${person.email} has no session.`)
        const now = printer.now()
        printer.table(
          ['ID', 'SIGNED IN', 'ENDS', 'APPS'],
          sessions.map((session) => [
            session.id,
            session.signedInAt ? fromNow(session.signedInAt, now) : '–',
            endOf(session, now),
            session.clients.join(', ') || '–',
          ]),
        )
        const notices = sessions.flatMap(({ id, logouts }) => logouts.map((logout) => ({ id, logout })))
        if (notices.length === 0) return
        printer.line()
        printer.table(
          ['ID', 'APP', 'END NOTIFIED'],
          notices.map(({ id, logout }) => [id, logout.clientId, logoutCell(logout, now)]),
        )
      })
    })
  withExample(withJson(command), 'claviger sessions list --user ada@example.org')
}
