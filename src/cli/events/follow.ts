import { setTimeout as pause } from 'node:timers/promises'
import type { EventFilter, RecordedEntry } from '../../events/events.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import type { AddCommand } from '../nouns.ts'
import { type FilterOptions, filterOf, withFilter } from './event-filter.ts'
import { eventJson, eventLine, namesIn } from './event-view.ts'

const pageSize = 500

/** `events follow`: prints new entries until Ctrl-C. */
export const eventsFollow: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('follow')
    .description('entries of the audit log as they are written, until Ctrl-C; with --json one document a line')
    .action(async ({ json, ...options }: JsonOption & FilterOptions) => {
      const desk = await invocation.desk()
      const filter = await filterOf(desk, options)
      const [latest] = await desk.audit.list({ limit: 1 })
      for await (const page of pagesAfter(desk, latest?.id ?? 0n, filter, invocation.readerGone)) {
        const names = await namesIn(desk, page)
        for (const event of page) {
          if (json) printer.jsonLine(eventJson(event, names))
          else printer.line(...eventLine(event, names))
        }
      }
    })
  withFilter(command)
  withExample(withJson(command), 'claviger events follow --json | jq .kind')
}

/** Polls once a second. Ends on SIGINT, on SIGTERM or when its reader has gone, so that the desk is closed. */
async function* pagesAfter(
  desk: Pick<Desk, 'audit'>,
  from: bigint,
  filter: EventFilter,
  readerGone: AbortSignal | undefined,
): AsyncGenerator<RecordedEntry[]> {
  const interrupted = new AbortController()
  const end = () => interrupted.abort()
  process.once('SIGINT', end).once('SIGTERM', end)
  const signal = readerGone ? AbortSignal.any([interrupted.signal, readerGone]) : interrupted.signal
  let last = from
  try {
    while (!signal.aborted) {
      const page = await desk.audit.list({ limit: pageSize, ...filter, afterId: last })
      for (const { id } of page) if (id > last) last = id
      if (page.length > 0) yield page
      if (page.length < pageSize) await pause(1000, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
  }
}
