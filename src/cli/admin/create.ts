import type { Account } from '../../accounts/account.ts'
import { newAccount } from '../../accounts/new-account.ts'
import { Failure } from '../../errors/failure.ts'
import { createAdmin } from '../../operations/admins/create.ts'
import { giveAdmin } from '../../operations/admins/give.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import type { Invocation } from '../invocation.ts'
import type { AddCommand } from '../nouns.ts'
import {
  checkForPerson,
  getNewPassword,
  type NewPassword,
  type PasswordOptions,
  withPassword,
} from '../secret-input.ts'
import { getPerson, personJson } from '../users/person.ts'

interface Options extends JsonOption, PasswordOptions {
  name?: string
  existing?: boolean
}

/** `admin create`: creates the first administrator, since no default password exists. */
export const adminCreate: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('create')
    .description('add an administrator, or with --existing make a person an administrator')
    .argument('<email>', 'their sign-in name')
    .option('--name <name>', 'full name')
    .option('--existing', 'the person already exists and keeps their password')
    .action(async (email: string, options: Options) => {
      const made = options.existing ? await promote(invocation, email) : await create(invocation, email, options)
      const secret = made.given?.generated ? { password: made.given.password } : {}
      printer.result(options, { ...personJson(made.account), ...secret }, () => {
        printer.line(
          { text: 'Done.', tone: 'good' },
          ` ${made.account.email} is an administrator (${made.account.id}).`,
        )
        if (made.given?.generated) printer.line(`Password, shown this once: ${made.given.password}`)
      })
      printer.next('users add someone@example.org')
    })
  withExample(
    withPassword(withJson(command)),
    'claviger admin create ada@example.org',
    'pass show ada | claviger admin create ada@example.org --password-stdin',
  )
}

interface Made {
  account: Account
  given?: NewPassword
}

async function create(invocation: Invocation, email: string, options: Options): Promise<Made> {
  const { name } = options
  const person = newAccount({ email, isAdmin: true, emailVerified: true, ...(name === undefined ? {} : { name }) })
  const given = await getNewPassword(invocation, options, email)
  const desk = await invocation.desk()
  await refuseExisting(desk, email)
  checkForPerson(given, person, desk.config.issuer)
  const hash = await desk.passwords.hash(given.password)
  const account = await invocation.perform(createAdmin, { person, hash })
  return { account, given }
}

async function promote(invocation: Invocation, email: string): Promise<Made> {
  const desk = await invocation.desk()
  const account = await invocation.perform(giveAdmin, { id: (await getPerson(desk, email)).id })
  return { account }
}

async function refuseExisting(desk: Desk, email: string): Promise<void> {
  const person = await desk.accounts.findByLogin(email)
  if (!person) return
  const hint = person.isAdmin
    ? `'claviger admin reset ${person.email}' gives them a new password`
    : 'add --existing to make them an administrator'
  throw new Failure('account_exists', 'conflict', `${person.email} already exists.`, { detail: { hints: [hint] } })
}
