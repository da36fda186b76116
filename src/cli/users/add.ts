import type { Account } from '../../accounts/account.ts'
import { newAccount } from '../../accounts/new-account.ts'
import { createPerson } from '../../operations/people/create.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { checkForPerson, findNewPassword, type PasswordOptions, withPassword } from '../secret-input.ts'
import { personJson } from './person.ts'

interface Options extends JsonOption, PasswordOptions {
  name?: string
  username?: string
  emailVerified?: boolean
}

/** `users add`: without an option and a terminal, the person has no password until `users set-password`. */
export const usersAdd: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('add')
    .description('add a person; asks for a password on a terminal')
    .argument('<email>', 'their sign-in name')
    .option('--name <name>', 'full name')
    .option('--username <name>', 'preferred_username for apps (default: the address up to the @)')
    .option('--email-verified', 'mark the address as verified; without it, apps see it as not verified')
    .action(async (email: string, options: Options) => {
      // Check the address before asking for a password.
      const { name, username, emailVerified } = options
      const person = newAccount({
        email,
        ...(name === undefined ? {} : { name }),
        ...(username === undefined ? {} : { username }),
        ...(emailVerified ? { emailVerified } : {}),
      })
      const given = await findNewPassword(invocation, options, email)
      const desk = await invocation.desk()
      if (given) checkForPerson(given, person, desk.config.issuer)
      // Hash before storing, so that a refused password leaves no person without a password.
      const hash = given && (await desk.passwords.hash(given.password))
      const account = await invocation.perform(createPerson, { person, ...(hash ? { hash } : {}) })
      const secret = given?.generated ? { password: given.password } : {}
      printer.result(options, { ...personJson(account), has_password: hash !== undefined, ...secret }, () => {
        printer.line({ text: 'Added', tone: 'good' }, ` ${account.email} (${account.id}).`)
        if (given?.generated) printer.line(`Password, shown this once: ${given.password}`)
      })
      printer.note(verifiedText(account))
      if (!hash) {
        printer.note('This person has no password yet and cannot sign in.')
        printer.next(`users set-password ${account.email}`)
      }
    })
  withExample(
    withPassword(withJson(command)),
    "claviger users add ada@example.org --name 'Ada Lovelace'",
    'pass show ada | claviger users add ada@example.org --password-stdin',
  )
}

/** Some apps refuse people whose address is not verified. */
const verifiedText = ({ email, emailVerified }: Account): string =>
  emailVerified
    ? `Apps see the address as verified; 'claviger users set ${email} --no-email-verified' changes it.`
    : `Apps see the address as not verified; 'claviger users set ${email} --email-verified' changes it.`
