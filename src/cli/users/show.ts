import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { fromNow } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { sessionJson } from '../sessions/session-view.ts'
import { getPerson, personArgument, personJson, printPerson } from './person.ts'

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
      printer.result(options, data, () =>
        printPerson(
          printer,
          person,
          sessions.map(({ id, signedInAt }) => `${id}, signed in ${fromNow(signedInAt, printer.now())}`),
        ),
      )
    })
  withExample(withJson(command), 'claviger users show ada@example.org')
}
