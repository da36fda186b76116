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

/** `users add`: without a password where nobody can be asked for one; the person can be given one later. */
export const usersAdd: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('add')
    .description('add a person; asks for a password on a terminal')
    .argument('<email>', 'their sign-in name')
    .option('--name <name>', 'full name')
    .option('--username <name>', 'what apps are told as preferred_username (default: their address up to the @)')
    .option('--email-verified', 'the address is known to be theirs; without it apps are told that it is not verified')
    .action(async (email: string, options: Options) => {
      // Checked before a password is asked for.
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
      // Hashed before anything is stored, so that a refused password leaves no half-made person.
      const hash = given && (await desk.passwords.hash(given.password))
      const account = await invocation.perform(createPerson, { person, ...(hash ? { hash } : {}) })
      const secret = given?.generated ? { password: given.password } : {}
      printer.result(options, { ...personJson(account), has_password: hash !== undefined, ...secret }, () => {
        printer.line({ text: 'Added', tone: 'good' }, ` ${account.email} (${account.id}).`)
        if (given?.generated) printer.line(`Password, shown this once: ${given.password}`)
      })
      printer.note(verifiedText(account))
      if (!hash) {
        printer.note('They have no password yet, so they cannot sign in.')
        printer.next(`users set-password ${account.email}`)
      }
    })
  withExample(
    withPassword(withJson(command)),
    "claviger users add ada@example.org --name 'Ada Lovelace'",
    'pass show ada | claviger users add ada@example.org --password-stdin',
  )
}

/** Some apps take in nobody whose address is not verified. */
const verifiedText = ({ email, emailVerified }: Account): string =>
  emailVerified
    ? `Apps are told that the address is verified; 'claviger users set ${email} --no-email-verified' changes it.`
    : `Apps are told that the address is not verified; 'claviger users set ${email} --email-verified' changes it.`
