import { disablePerson } from '../../operations/people/disable.ts'
import { boundJson, boundText, lastExpiry } from '../bound.ts'
import { type DryRunOption, type JsonOption, withDryRun, withExample, withJson } from '../command-options.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { endedJson, endedText, getPerson, personArgument, personJson } from './person.ts'

/** `users disable`: disables a person at once and prints when the last issued token is rejected. */
export const usersDisable: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('disable')
    .description('disable a person: no sign-in, and every session and refresh token ends')
    .argument(...personArgument)
    .action(async (named: string, options: JsonOption & DryRunOption) => {
      const desk = await invocation.desk()
      const person = await getPerson(desk, named)
      const seconds = await desk.revocations.longestTokenSeconds()
      if (options.dryRun) {
        const { sessions = 0 } = await invocation.planOf(disablePerson, { id: person.id })
        printer.result(options, { ...personJson(person), dry_run: true, sessions }, () =>
          printer.line(`Would disable ${person.email} and end ${counted(sessions, 'session')}.`),
        )
        return
      }
      const ended = await invocation.perform(disablePerson, { id: person.id })
      const heard = await desk.nodes.confirm()
      const until = lastExpiry(printer.now(), seconds)
      const after = (await desk.accounts.find(person.id)) ?? person
      printer.result(
        options,
        { ...personJson(after), ...endedJson(ended), access_token_seconds_left: seconds, ...boundJson(until, heard) },
        () => {
          printer.line({ text: 'Disabled', tone: 'good' }, ` ${person.email}: ${endedText(ended)}.`)
          printer.line(boundText(until, printer.now(), desk.config, heard))
        },
      )
    })
  withExample(withDryRun(withJson(command)), 'claviger users disable ada@example.org')
}
