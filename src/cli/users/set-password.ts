import { setPassword } from '../../operations/people/set-password.ts'
import { boundJson, boundText, lastExpiry } from '../bound.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { checkForPerson, getNewPassword, type PasswordOptions, withPassword } from '../secret-input.ts'
import { endedJson, endedText, getPerson, personArgument, personJson } from './person.ts'

/** `users set-password`: ends every session, since another person may know the old password. */
export const usersSetPassword: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('set-password')
    .description('give a person a new password, and end all their sessions and refresh tokens')
    .argument(...personArgument)
    .action(async (named: string, options: JsonOption & PasswordOptions) => {
      const desk = await invocation.desk()
      const person = await getPerson(desk, named)
      const given = await getNewPassword(invocation, options, person.email)
      checkForPerson(given, person, desk.config.issuer)
      const hash = await desk.passwords.hash(given.password)
      const ended = await invocation.perform(setPassword, { id: person.id, hash })
      const seconds = await desk.revocations.longestTokenSeconds()
      const heard = await desk.nodes.confirm()
      const until = lastExpiry(printer.now(), seconds)
      const left = { access_token_seconds_left: seconds, ...boundJson(until, heard) }
      const secret = given.generated ? { password: given.password } : {}
      printer.result(options, { ...personJson(person), ...endedJson(ended), ...left, ...secret }, () => {
        printer.line({ text: 'Set', tone: 'good' }, ` a new password for ${person.email}: ${endedText(ended)}.`)
        printer.line(boundText(until, printer.now(), desk.config, heard))
        if (given.generated) printer.line(`Password, shown this once: ${given.password}`)
      })
    })
  withExample(
    withPassword(withJson(command)),
    'claviger users set-password ada@example.org',
    'claviger users set-password ada@example.org --generate-password --json',
  )
}
