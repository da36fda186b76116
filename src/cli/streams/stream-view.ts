/** How commands name an event stream, and how they show one. */
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import type { Desk, StreamRow } from '../desk.ts'
import { counted, dated } from '../moment.ts'
import type { Cell, Printer } from '../printer.ts'

/** @throws Failure `stream_missing`. */
export async function getStream(desk: Pick<Desk, 'streams'>, id: string): Promise<StreamRow> {
  const stream = await desk.streams.find(id)
  if (stream) return stream
  const sentence = `There is no event stream ${quoted(id)}; 'claviger streams list' lists them.`
  throw new Failure('stream_missing', 'missing', sentence)
}

/** The JSON of a stream, without the authorization header of its receiver. */
export const streamJson = (stream: StreamRow) => ({
  stream_id: stream.id,
  client_id: stream.clientId,
  delivery: stream.delivery.method,
  endpoint_url: stream.delivery.method === 'push' ? stream.delivery.endpointUrl : null,
  status: stream.status,
  reason: stream.statusReason ?? null,
  events_requested: stream.eventsRequested ?? null,
  description: stream.description ?? null,
  waiting: stream.waiting,
  waiting_since: stream.waitingSince ?? null,
  failures: stream.failures,
  failing_since: stream.failingSince ?? null,
  next_try_at: stream.nextTryAt ?? null,
  last_error: stream.lastError ?? null,
  last_error_at: stream.lastErrorAt ?? null,
  created_at: stream.createdAt,
})

const tones = { enabled: 'good', paused: 'warn', disabled: 'bad' } as const

export const statusCell = ({ status }: StreamRow): Cell => ({ text: status, tone: tones[status] })

export function printStream(printer: Printer, stream: StreamRow): void {
  const now = printer.now()
  const { delivery } = stream
  printer.fields([
    ['stream', { text: stream.id, tone: 'strong' }],
    ['receiver', stream.clientId],
    ['description', stream.description],
    ['delivery', delivery.method === 'push' ? `pushed to ${delivery.endpointUrl}` : 'fetched by the receiver'],
    ['events', stream.eventsRequested ?? 'all'],
    ['status', statusCell(stream)],
    ['because', stream.statusReason],
    ['waiting', waitingText(stream)],
    ['since', dated(stream.waitingSince, now)],
    ['failures', stream.failures === 0 ? undefined : counted(stream.failures, 'push', 'pushes')],
    ['failing since', dated(stream.failingSince, now)],
    ['next try', stream.failures === 0 ? undefined : dated(stream.nextTryAt, now)],
    ['last error', stream.lastError],
    ['at', dated(stream.lastErrorAt, now)],
    ['created', dated(stream.createdAt, now)],
  ])
}

/** The store counts waiting events up to a limit. */
export const waitingText = ({ waiting, hasMore }: StreamRow): string =>
  hasMore ? `more than ${waiting} events` : counted(waiting, 'event')
