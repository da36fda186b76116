import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { getPerson } from '../users/person.ts'
import { sessionJson } from './session-view.ts'

/** `sessions list`: where a person is signed in. */
export const sessionsList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('the browser sessions of a person')
    .requiredOption('--user <person>', 'email address or account id (acc_…)')
    .action(async (options: JsonOption & { user: string }) => {
      const desk = await invocation.desk()
      const person = await getPerson(desk, options.user)
      const sessions = await desk.sessions.list(person.id)
      printer.result(options, sessions.map(sessionJson), () => {
        if (sessions.length === 0) return printer.line(`${person.email} is signed in nowhere.`)
        const now = printer.now()
        printer.table(
          ['ID', 'SIGNED IN', 'ENDS', 'APPS'],
          sessions.map(({ id, signedInAt, expiresAt, clients }) => [
            id,
            fromNow(signedInAt, now),
            fromNow(expiresAt, now),
            clients.join(', ') || '–',
          ]),
        )
      })
    })
  withExample(withJson(command), 'claviger sessions list --user ada@example.org')
}
