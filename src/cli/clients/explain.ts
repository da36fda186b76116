import { Failure } from '../../errors/failure.ts'
import type { RecordedEntry } from '../../events/events.ts'
import { quoted } from '../../events/plain-text.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import { calledText, eventJson, namesIn } from '../events/event-view.ts'
import { dated } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'

/** The latest of each kind are searched: whoever asks has the error page before them. */
const searched = 2_000
const kinds = [
  'redirect-uri.refused',
  'origin.refused',
  'server.error',
  'sign-in.rejected',
  'sign-in.throttled',
  'refresh-token.reused',
  'code.reused',
]

/** `clients explain`: what an error page keeps from people, told to the administrator by its request id. */
export const clientsExplain: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('explain')
    .description('why a request was refused: what came, what is registered, what differs')
    .argument('<request_id>', 'from the error page')
    .action(async (requestId: string, options: JsonOption) => {
      const desk = await invocation.desk()
      const entries = await entriesOf(desk, requestId)
      if (entries.length === 0) {
        throw new Failure('request_unknown', 'missing', `Nothing is recorded of a request ${quoted(requestId)}.`, {
          detail: { hints: ['the log has a line for every request, by the same id'] },
        })
      }
      const names = await namesIn(desk, entries)
      printer.result(
        options,
        entries.map((entry) => eventJson(entry, names)),
        () => {
          for (const { at, kind, accountId, clientId, source, detail = {} } of entries) {
            printer.fields([
              ['what', { text: kind, tone: 'strong' }],
              ['when', dated(at, printer.now())],
              ['client', calledText(clientId, names)],
              ['person', calledText(accountId, names)],
              ['from', source],
              ...Object.entries(detail).map(([name, value]) => [name, textOf(value)] as const),
            ])
          }
        },
      )
    })
  withExample(withJson(command), 'claviger clients explain 01JD3Z6K9Q')
}

async function entriesOf({ audit }: Pick<Desk, 'audit'>, requestId: string): Promise<RecordedEntry[]> {
  const pages = await Promise.all(kinds.map((kind) => audit.list({ limit: searched, kind })))
  return pages.flat().filter((entry) => entry.requestId === requestId)
}

const textOf = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : typeof value === 'string' ? value : JSON.stringify(value)
