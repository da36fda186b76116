import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { dated, fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { sessionJson } from '../sessions/session-view.ts'
import { getPerson, personArgument, personJson, personState } from './person.ts'

/** `users show`: a person with their sessions. */
export const usersShow: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('show')
    .description('one person, with their claims and sessions')
    .argument(...personArgument)
    .action(async (named: string, options: JsonOption) => {
      const desk = await invocation.desk()
      const person = await getPerson(desk, named)
      const sessions = await desk.sessions.list(person.id)
      const data = { ...personJson(person), claims: person.claims, sessions: sessions.map(sessionJson) }
      printer.result(options, data, () => {
        const now = printer.now()
        printer.fields([
          ['id', person.id],
          ['email', `${person.email}${person.emailVerified ? '' : ' (not verified)'}`],
          ['name', person.name],
          ['state', personState(person)],
          ['disabled', dated(person.disabledAt, now)],
          ['added', dated(person.createdAt, now)],
          ['claims', Object.entries(person.claims).map(([name, value]) => `${name}: ${JSON.stringify(value)}`)],
          ['sessions', sessions.map((session) => `${session.id}, signed in ${fromNow(session.signedInAt, now)}`)],
        ])
      })
    })
  withExample(withJson(command), 'claviger users show ada@example.org')
}
