import { Failure } from '../../errors/failure.ts'
import type { RecordedEntry } from '../../events/events.ts'
import { quoted } from '../../events/plain-text.ts'
import { scopeRemedy } from '../apis/refused-scopes.ts'
import { type JsonOption, withExample, withJson } from '../command-options.ts'
import type { Desk } from '../desk.ts'
import { calledText, eventJson, namesIn } from '../events/event-view.ts'
import { dated } from '../moment.ts'
import type { AddCommand } from '../nouns.ts'

/** How many of the latest entries of each kind are searched. */
const searched = 2_000
/** How many refusals of one client are shown. */
const shownOfClient = 20
const kinds = [
  'redirect-uri.refused',
  'origin.refused',
  'scope.refused',
  'request.refused',
  'server.error',
  'sign-in.rejected',
  'sign-in.throttled',
  'refresh-token.reused',
  'code.reused',
]

/** `clients explain`: details of a refusal that the error page leaves out, by request id or client. */
export const clientsExplain: AddCommand = (parent, invocation) => {
  const { printer } = invocation
  const command = parent
    .command('explain')
    .description('why a request was refused: the request, the registration, and the difference')
    .argument('<request_id or client_id>', 'from the error page, or a client for its latest refusals')
    .action(async (id: string, options: JsonOption) => {
      const desk = await invocation.desk()
      const [entries, apis] = await Promise.all([entriesOf(desk, id), desk.apis.list()])
      if (entries.length === 0) {
        throw new Failure(
          'request_unknown',
          'missing',
          `No refusal of a request or client ${quoted(id)} is recorded.`,
          {
            detail: { hints: ['the log has a line for every request, with the same id'] },
          },
        )
      }
      const names = await namesIn(desk, entries)
      const explained = entries.map((entry) => ({ entry, remedy: scopeRemedy(entry, apis) }))
      const asJson = explained.map(({ entry, remedy }) => ({
        ...eventJson(entry, names),
        ...(remedy ? { remedy } : {}),
      }))
      printer.result(options, asJson, () => {
        for (const { entry, remedy } of explained) {
          const { at, kind, accountId, clientId, source, detail = {} } = entry
          printer.fields([
            ['what', { text: kind, tone: 'strong' }],
            ['when', dated(at, printer.now())],
            ['client', calledText(clientId, names)],
            ['person', calledText(accountId, names)],
            ['from', source],
            ...Object.entries(detail).map(([name, value]) => [name, textOf(value)] as const),
            ['remedy', remedy],
          ])
        }
      })
    })
  withExample(withJson(command), 'claviger clients explain 01JD3Z6K9Q', 'claviger clients explain shop-1f6a0c2b93de')
}

async function entriesOf({ audit }: Pick<Desk, 'audit'>, id: string): Promise<RecordedEntry[]> {
  const pages = await Promise.all(kinds.map((kind) => audit.list({ limit: searched, kind })))
  const all = pages.flat()
  const ofRequest = all.filter((entry) => entry.requestId === id)
  if (ofRequest.length > 0) return ofRequest
  const ofClient = all.filter((entry) => entry.clientId === id)
  return ofClient.sort((one, other) => other.at.getTime() - one.at.getTime()).slice(0, shownOfClient)
}

const textOf = (value: unknown): string | undefined =>
  value === undefined || value === null ? undefined : typeof value === 'string' ? value : JSON.stringify(value)
