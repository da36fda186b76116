import { endPersonSessions } from '../../operations/people/end-sessions.ts'
import { boundJson, boundText, lastExpiry } from '../bound.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { endedJson, endedText, getPerson, personArgument, personJson } from './person.ts'

/** `users sign-out`: ends every session of a person. */
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
        const { sessions = 0 } = await invocation.planOf(endPersonSessions, { id: person.id })
        printer.result(options, { ...personJson(person), dry_run: true, sessions }, () =>
          printer.line(`Would sign ${person.email} out of ${counted(sessions, 'session')}.`),
        )
        return
      }
      if (!(await isConfirmed(invocation, options, `Sign ${person.email} out everywhere?`))) return
      const ended = await invocation.perform(endPersonSessions, { id: person.id })
      const seconds = await desk.revocations.longestTokenSeconds()
      const heard = await desk.nodes.confirm()
      const until = lastExpiry(printer.now(), seconds)
      printer.result(
        options,
        { ...personJson(person), ...endedJson(ended), access_token_seconds_left: seconds, ...boundJson(until, heard) },
        () => {
          printer.line({ text: 'Signed out', tone: 'good' }, ` ${person.email}: ${endedText(ended)}.`)
          printer.line(boundText(until, printer.now(), desk.config, heard))
        },
      )
    })
  withExample(withConfirmation(command), 'claviger users sign-out ada@example.org')
}
