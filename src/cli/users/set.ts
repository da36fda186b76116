import type { Account } from '../../accounts/account.ts'
import { changedProfile, type ProfileChanges } from '../../accounts/changed-profile.ts'
import { updatePerson } from '../../operations/people/update.ts'
import { withSwitch } from '../clients/client-options.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { collect } from '../option-values.ts'
import { wrongUsage } from '../usage.ts'
import { claimsOf } from './claim-options.ts'
import { getPerson, personArgument, personJson, printPerson } from './person.ts'

interface Options extends JsonOption, DryRunOption {
  email?: string
  emailVerified?: boolean
  name?: string
  username?: string
  claim?: string[]
  removeClaim?: string[]
}

/** `users set`: changes the given fields only. */
export const usersSet: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('set')
    .description('change the name, address and claims of a person; they stay signed in')
    .argument(...personArgument)
    .option('--email <address>', 'new sign-in name; not verified unless --email-verified is given')
    .option('--name <name>', 'full name; an empty value removes it')
    .option('--username <name>', 'preferred_username for apps; an empty value removes it')
    .option('--claim <name=value>', 'a claim, such as locale=en or address.locality=London (repeat for more)', collect)
    .option('--remove-claim <name>', 'remove a claim (repeat for more)', collect)
    .action(async (named: string, options: Options) => {
      const changes = changesOf(options)
      const desk = await invocation.desk()
      const before = await getPerson(desk, named)
      const planned = changedProfile(before, changes)
      const done = options.dryRun ? undefined : await invocation.perform(updatePerson, { id: before.id, changes })
      const after: Account = done?.account ?? asPlanned(before, planned)
      const data = { ...personJson(after), claims: after.claims, ...(options.dryRun ? { dry_run: true } : {}) }
      printer.result(options, data, () => printPerson(printer, after))
      if (options.dryRun) return printer.note('Dry run: nothing was changed.')
      const fields = done?.fields ?? []
      if (fields.length === 0) return printer.note('No value changed.')
      printer.note(`Changed: ${fields.join(', ')}. Apps see the change at userinfo at once, and in the next ID token.`)
      printer.note('Access tokens contain the id of the person only, so issued tokens stay valid.')
    })
  withSwitch(command, 'email-verified', 'mark the address as verified')
  withExample(
    withDryRun(withJson(command)),
    "claviger users set ada@example.org --email ada.king@example.org --name 'Ada King'",
    'claviger users set ada@example.org --claim locale=en-GB --claim address.locality=London --remove-claim nickname',
  )
}

/** @throws Failure `nothing_to_set`. */
function changesOf({ email, emailVerified, name, username, claim = [], removeClaim = [] }: Options): ProfileChanges {
  const claims = claimsOf(claim, removeClaim)
  const changes: ProfileChanges = {
    ...(email === undefined ? {} : { email }),
    ...(emailVerified === undefined ? {} : { emailVerified }),
    ...(name === undefined ? {} : { name: name === '' ? null : name }),
    ...(username === undefined ? {} : { username: username === '' ? null : username }),
    ...(Object.keys(claims).length === 0 ? {} : { claims }),
  }
  if (Object.keys(changes).length === 0) throw wrongUsage('nothing_to_set', 'Say what to change.')
  return changes
}

// The account after the change, as the store saves it.
const asPlanned = (
  before: Account,
  { name = before.name, username = before.username, ...planned }: ReturnType<typeof changedProfile>,
): Account => ({
  ...before,
  emailVerified: before.emailVerified && (planned.email ?? before.email) === before.email,
  ...planned,
  name: name ?? undefined,
  username: username ?? undefined,
})
