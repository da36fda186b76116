import { unlockPerson } from '../../operations/people/unlock.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { personArgument, personJson } from '../users/person.ts'
import { getAdministrator } from './administrator.ts'

/** `admin unlock`: ends the waiting time after failed sign-ins, and enables a disabled administrator. */
export const adminUnlock: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('unlock')
    .description('let an administrator sign in at once after failed sign-ins or after being disabled')
    .argument(...personArgument)
    .action(async (named: string, options: JsonOption) => {
      const desk = await invocation.desk()
      const person = await getAdministrator(desk, named)
      const account = await invocation.perform(unlockPerson, { id: person.id })
      printer.result(options, personJson(account), () =>
        printer.line({ text: 'Unlocked', tone: 'good' }, ` ${account.email}: they can sign in at once.`),
      )
    })
  withExample(withJson(command), 'claviger admin unlock ada@example.org')
}
