import { removePerson } from '../../operations/people/remove.ts'
import { withExample } from '../command-options.ts'
import { type ConfirmedOptions, isConfirmed, withConfirmation } from '../confirmation.ts'
import { counted, duration } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { endedJson, endedText, getPerson, personArgument, personJson } from './person.ts'

/** `users remove`: cannot be undone. Disabling a person is usually enough. */
export const usersRemove: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('remove')
    .description('remove a person for good, with all their data and tokens')
    .argument(...personArgument)
    .action(async (named: string, options: ConfirmedOptions) => {
      const desk = await invocation.desk()
      const person = await getPerson(desk, named)
      if (options.dryRun) {
        const { sessions = 0 } = await invocation.planOf(removePerson, { id: person.id })
        printer.result(options, { ...personJson(person), dry_run: true, sessions }, () =>
          printer.line(`Would remove ${person.email} for good, with ${counted(sessions, 'session')}.`),
        )
        return
      }
      if (!(await isConfirmed(invocation, options, `Remove ${person.email} for good?`))) return
      const ended = await invocation.perform(removePerson, { id: person.id })
      printer.result(options, { ...personJson(person), removed: true, ...endedJson(ended) }, () => {
        printer.line({ text: 'Removed', tone: 'good' }, ` ${person.email}: ${endedText(ended)}.`)
      })
      const kept = duration(desk.config.eventRetentionSeconds)
      printer.note(`The audit log keeps the name and address for ${kept} (CLAVIGER_EVENT_RETENTION).`)
    })
  withExample(withConfirmation(command), 'claviger users remove ada@example.org --dry-run')
}
