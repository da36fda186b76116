import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { AddCommand } from '../nouns.ts'
import { wholeNumber } from '../option-values.ts'
import { getPerson } from '../users/person.ts'
import { eventCells, eventHeads, eventJson } from './event-view.ts'

interface Options extends JsonOption {
  user?: string
  kind?: string
  limit: number
}

/** `events list`: the latest, oldest of them first, as a log reads. */
export const eventsList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('list')
    .description('the latest entries of the audit log')
    .option('--user <person>', 'about this person only: email address or account id')
    .option('--kind <kind>', 'of this kind only, such as sign-in.rejected')
    .option('--limit <n>', 'at most so many', wholeNumber(1, 10_000), 50)
    .action(async ({ user, kind, limit, json }: Options) => {
      const desk = await invocation.desk()
      const accountId = user === undefined ? undefined : (await getPerson(desk, user)).id
      const entries = await desk.audit.list({ limit, ...(kind ? { kind } : {}), ...(accountId ? { accountId } : {}) })
      const inOrder = entries.toSorted((a, b) => (a.id < b.id ? -1 : 1))
      printer.result({ json }, inOrder.map(eventJson), () => {
        if (inOrder.length === 0) return printer.line('Nothing is recorded.')
        printer.table(eventHeads, inOrder.map(eventCells))
      })
    })
  withExample(withJson(command), 'claviger events list --kind sign-in.rejected --limit 20')
}
