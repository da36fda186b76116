import { resetAdmin } from '../../operations/admins/reset.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { checkForPerson, getNewPassword, type PasswordOptions, withPassword } from '../secret-input.ts'
import { endedJson, endedText, personArgument, personJson } from '../users/person.ts'
import { getAdministrator } from './administrator.ts'

/** `admin reset`: for an administrator who has lost the password or was disabled. */
export const adminReset: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('reset')
    .description('give an administrator a new password, enable them and end their sessions')
    .argument(...personArgument)
    .action(async (named: string, options: JsonOption & PasswordOptions) => {
      const desk = await invocation.desk()
      const person = await getAdministrator(desk, named)
      const given = await getNewPassword(invocation, options, person.email)
      checkForPerson(given, person, desk.config.issuer)
      const hash = await desk.passwords.hash(given.password)
      const { account, ended } = await invocation.perform(resetAdmin, { id: person.id, hash })
      const secret = given.generated ? { password: given.password } : {}
      printer.result(options, { ...personJson(account), ...endedJson(ended), ...secret }, () => {
        printer.line({ text: 'Reset', tone: 'good' }, ` ${account.email}: a new password, ${endedText(ended)}.`)
        if (given.generated) printer.line(`Password, shown this once: ${given.password}`)
      })
    })
  withExample(withPassword(withJson(command)), 'claviger admin reset ada@example.org')
}
