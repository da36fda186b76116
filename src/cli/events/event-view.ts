/** How commands show entries of the audit log, with names next to ids. */
import type { RecordedEntry, SubjectName } from '../../events/events.ts'
import type { Desk } from '../desk.ts'
import type { Cell } from '../printer.ts'

export type Names = ReadonlyMap<string, SubjectName>

/** Names of the people and clients of these entries, also of removed ones. */
export const namesIn = ({ names }: Pick<Desk, 'names'>, entries: readonly RecordedEntry[]): Promise<Names> =>
  names.of(entries.flatMap(({ accountId, clientId, actor }) => [accountId, clientId, actorId(actor)].filter(isPresent)))

export const eventJson = (event: RecordedEntry, names: Names) => ({
  id: String(event.id),
  at: event.at,
  kind: event.kind,
  actor: event.actor,
  account_id: event.accountId ?? null,
  account_email: nameOf(event.accountId, names)?.email ?? null,
  account_name: nameOf(event.accountId, names)?.name ?? null,
  client_id: event.clientId ?? null,
  client_name: nameOf(event.clientId, names)?.name ?? null,
  source: event.source ?? null,
  request_id: event.requestId ?? null,
  detail: event.detail ?? {},
})

export const eventHeads = ['AT', 'KIND', 'WHO', 'PERSON', 'CLIENT', 'FROM', 'DETAIL'] as const

const atOf = (event: RecordedEntry): string => event.at.toISOString().replace('T', ' ').slice(0, 19)

export const eventCells = (event: RecordedEntry, names: Names): Cell[] => [
  { text: atOf(event), tone: 'dim' },
  event.kind,
  actorText(event, names),
  calledText(event.accountId, names) ?? '–',
  calledText(event.clientId, names) ?? '–',
  event.source ?? '–',
  detailOf(event),
]

/** One event as a line, for output that cannot be aligned as a table. */
export const eventLine = (event: RecordedEntry, names: Names): Cell[] => {
  const { accountId, clientId, source } = event
  const parts = [calledText(accountId, names), calledText(clientId, names), source, detailOf(event)]
  return [
    { text: `${atOf(event)}  `, tone: 'dim' },
    { text: event.kind, tone: 'strong' },
    `  ${actorText(event, names)}  ${parts.filter((part) => part).join('  ')}`,
  ]
}

/** `acc_… (ada@example.org)`, `shop (Shop)`. */
export function calledText(id: string | undefined, names: Names): string | undefined {
  const called = nameOf(id, names)
  const name = called?.email ?? called?.name
  return id !== undefined && name ? `${id} (${name})` : id
}

/** An actor that is also the subject of the entry has its name in the column of the subject. */
function actorText({ actor, accountId, clientId }: RecordedEntry, names: Names): string {
  const id = actorId(actor)
  if (id === undefined || id === accountId || id === clientId) return actor
  return actor.replace(id, () => calledText(id, names) ?? id)
}

const actorId = (actor: string): string | undefined => /^(?:account|client):(.+)$/s.exec(actor)?.[1]

const nameOf = (id: string | undefined, names: Names): SubjectName | undefined =>
  id === undefined ? undefined : names.get(id)

const isPresent = (id: string | undefined): id is string => id !== undefined

const detailOf = ({ detail = {} }: RecordedEntry): string =>
  Object.entries(detail)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ')
