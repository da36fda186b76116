import { enablePerson } from '../../operations/people/enable.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { getPerson, personArgument, personJson } from './person.ts'

/** `users enable`: lets a disabled person sign in again. */
export const usersEnable: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('enable')
    .description('let a disabled person sign in again')
    .argument(...personArgument)
    .action(async (named: string, options: JsonOption) => {
      const desk = await invocation.desk()
      const person = await getPerson(desk, named)
      const enabled = await invocation.perform(enablePerson, { id: person.id })
      printer.result(options, personJson(enabled), () => {
        printer.line({ text: 'Enabled', tone: 'good' }, ` ${enabled.email}: they can sign in again.`)
      })
    })
  withExample(withJson(command), 'claviger users enable ada@example.org')
}
