import type { RecordedEntry } from '../../events/events.ts'
import type { Cell } from '../printer.ts'

export const eventJson = (event: RecordedEntry) => ({
  id: String(event.id),
  at: event.at,
  kind: event.kind,
  actor: event.actor,
  account_id: event.accountId ?? null,
  client_id: event.clientId ?? null,
  source: event.source ?? null,
  request_id: event.requestId ?? null,
  detail: event.detail ?? {},
})

export const eventHeads = ['AT', 'KIND', 'WHO', 'PERSON', 'CLIENT', 'FROM', 'DETAIL'] as const

const atOf = (event: RecordedEntry): string => event.at.toISOString().replace('T', ' ').slice(0, 19)

export const eventCells = (event: RecordedEntry): Cell[] => [
  { text: atOf(event), tone: 'dim' },
  event.kind,
  event.actor,
  event.accountId ?? '–',
  event.clientId ?? '–',
  event.source ?? '–',
  detailOf(event),
]

/** One event on a line of its own, where no table can be lined up. */
export const eventLine = (event: RecordedEntry): Cell[] => {
  const named = [event.accountId, event.clientId, event.source, detailOf(event)].filter((part) => part)
  return [
    { text: `${atOf(event)}  `, tone: 'dim' },
    { text: event.kind, tone: 'strong' },
    `  ${event.actor}  ${named.join('  ')}`,
  ]
}

const detailOf = ({ detail = {} }: RecordedEntry): string =>
  Object.entries(detail)
    .filter(([, value]) => value !== undefined && value !== null)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : String(value)}`)
    .join(' ')
