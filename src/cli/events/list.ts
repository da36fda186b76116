import { Failure } from '../../errors/failure.ts'
import type { EventFilter, RecordedEntry } from '../../events/events.ts'
import { quoted } from '../../events/plain-text.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import { counted } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'
import { instantBefore, wholeNumber } from '../option-values.ts'
import { wrongUsage } from '../usage.ts'
import { type FilterOptions, filterOf, withFilter } from './event-filter.ts'
import { eventCells, eventHeads, eventJson, namesIn } from './event-view.ts'

interface Options extends JsonOption, FilterOptions {
  since?: Date
  until?: Date
  before?: number
  after?: number
  limit: number
}

/** `events list`: the latest entries, the oldest first. */
export const eventsList: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const entryId = wholeNumber(0, Number.MAX_SAFE_INTEGER)
  const instant = instantBefore(invocation.now)
  const command = withFilter(parent.command('list').description('the latest entries of the audit log'))
    .option('--since <time>', 'entries since this time: 24h, 2026-03-01 or 2026-03-01T12:00Z', instant)
    .option('--until <time>', 'entries before this time; same format as --since', instant)
    .option('--limit <n>', 'at most this many', wholeNumber(1, 10_000), 50)
    .option('--before <id>', 'the page before this entry', entryId)
    .option('--after <id>', 'the page after this entry', entryId)
    .action(async ({ limit, json, ...options }: Options) => {
      const range = rangeOf(options)
      const desk = await invocation.desk()
      const filter: EventFilter = { ...(await filterOf(desk, options)), ...range }
      const entries = (await desk.audit.list({ limit, ...filter })).toSorted((a, b) => (a.id < b.id ? -1 : 1))
      const { client } = options
      if (entries.length === 0 && client !== undefined && (await desk.names.of([client])).size === 0) {
        throw unknownClient(client)
      }
      const names = await namesIn(desk, entries)
      printer.result(
        { json },
        entries.map((entry) => eventJson(entry, names)),
        () => {
          if (entries.length === 0) return printer.line('Nothing is recorded.')
          printer.table(
            eventHeads,
            entries.map((entry) => eventCells(entry, names)),
          )
          if (entries.length === limit) printer.note(nextPageText(entries, options.after !== undefined))
        },
      )
    })
  withExample(
    withJson(command),
    'claviger events list --kind sign-in.rejected --since 24h --limit 20',
    'claviger events list --user ada@example.org --since 2026-03-01 --until 2026-04-01',
  )
}

function rangeOf({ since, until, before, after }: Omit<Options, 'limit'>): EventFilter {
  if (before !== undefined && after !== undefined) {
    throw wrongUsage('page_ambiguous', 'Choose one of --before and --after.')
  }
  if (since && until && since >= until) {
    throw wrongUsage('time_range_empty', '--since must be earlier than --until.')
  }
  return {
    ...(since ? { since } : {}),
    ...(until ? { until } : {}),
    ...(before === undefined ? {} : { beforeId: BigInt(before) }),
    ...(after === undefined ? {} : { afterId: BigInt(after) }),
  }
}

function nextPageText(entries: readonly RecordedEntry[], isForward: boolean): string {
  const next = isForward ? `later ones: --after ${entries.at(-1)?.id}` : `earlier ones: --before ${entries[0]?.id}`
  return `${counted(entries.length, 'entry', 'entries')} shown; ${next}`
}

const unknownClient = (client: string): Failure =>
  new Failure(
    'client_missing',
    'missing',
    `There is no client ${quoted(client)}, and the audit log knows of none that was removed.`,
  )
