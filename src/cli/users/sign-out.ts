import { boundText, voidBy } from '../bound.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { endedJson, endedText, getPerson, personArgument, personJson } from './person.ts'

/** `users sign-out`: everywhere, in every app. */
export const usersSignOut: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('sign-out')
    .description('sign a person out everywhere: every session, grant and refresh token ends')
    .argument(...personArgument)
    .action(async (named: string, options: ConfirmedOptions) => {
      const desk = await invocation.desk()
      const person = await getPerson(desk, named)
      if (options.dryRun) {
        const sessions = await desk.sessions.list(person.id)
        printer.result(options, { ...personJson(person), dry_run: true, sessions: sessions.length }, () =>
          printer.line(`Would sign ${person.email} out of ${counted(sessions.length, 'session')}.`),
        )
        return
      }
      if (!(await isConfirmed(invocation, options, `Sign ${person.email} out everywhere?`))) return
      const ended = await desk.accounts.signOut(person.id, { actor: invocation.actor })
      desk.events.record({
        kind: 'account.signed-out',
        actor: invocation.actor,
        accountId: person.id,
        detail: { ...ended },
      })
      const seconds = await desk.revocations.longestTokenSeconds()
      const until = voidBy(printer.now(), seconds)
      printer.result(
        options,
        { ...personJson(person), ...endedJson(ended), access_token_seconds_left: seconds, void_by: until },
        () => {
          printer.line({ text: 'Signed out', tone: 'good' }, ` ${person.email}: ${endedText(ended)}.`)
          printer.line(boundText(until, printer.now(), desk.config))
        },
      )
    })
  withExample(withConfirmation(command), 'claviger users sign-out ada@example.org')
}
