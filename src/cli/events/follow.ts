import { setTimeout as pause } from 'node:timers/promises'
import type { RecordedEntry } from '../../events/events.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import type { AddCommand } from '../nouns.ts'
import { eventJson, eventLine } from './event-view.ts'

const pageSize = 500

/** `events follow`: as they happen, until Ctrl-C. */
export const eventsFollow: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('follow')
    .description('entries of the audit log as they are written, until Ctrl-C; with --json one document a line')
    .option('--kind <kind>', 'of this kind only, such as sign-in.rejected')
    .action(async ({ kind, json }: JsonOption & { kind?: string }) => {
      const desk = await invocation.desk()
      const [latest] = await desk.audit.list({ limit: 1 })
      for await (const event of eventsAfter(desk, latest?.id ?? 0n, kind, invocation.readerGone)) {
        if (json) printer.jsonLine(eventJson(event))
        else printer.line(...eventLine(event))
      }
    })
  withExample(withJson(command), 'claviger events follow --json | jq .kind')
}

/** Asks once a second; ends with SIGINT, SIGTERM or its reader, so that the desk is closed in order. */
async function* eventsAfter(
  desk: Pick<Desk, 'audit'>,
  from: bigint,
  kind: string | undefined,
  readerGone: AbortSignal | undefined,
): AsyncGenerator<RecordedEntry> {
  const interrupted = new AbortController()
  const end = () => interrupted.abort()
  process.once('SIGINT', end).once('SIGTERM', end)
  const signal = readerGone ? AbortSignal.any([interrupted.signal, readerGone]) : interrupted.signal
  let last = from
  try {
    while (!signal.aborted) {
      const page = await desk.audit.list({ limit: pageSize, afterId: last, ...(kind ? { kind } : {}) })
      for (const event of page) {
        if (event.id > last) last = event.id
        yield event
      }
      if (page.length < pageSize) await pause(1000, undefined, { signal }).catch(() => undefined)
    }
  } finally {
    process.off('SIGINT', end).off('SIGTERM', end)
  }
}
