/** Which events a stream gets, and how far it has received them. Pure functions: `storage` reads and writes. */
import { deliveredEvents } from './event-types.ts'
import type { EventStream, StreamEvent } from './signals.ts'
import { type SsfEvent, ssfEventOf } from './ssf-event.ts'

/** The number of events read at once. Later events are sent only after the first of these has been received. */
export const windowSize = 1_000

export interface Deliverable {
  event: StreamEvent
  ssfEvent: SsfEvent
}

/** send: now. hold: when the stream is enabled again. pass: never, because the event does not concern this stream. */
type Verdict = 'send' | 'hold' | 'pass'

/** The events of these that the receiver has yet to receive, in order. */
export function deliverables(
  stream: EventStream,
  events: readonly StreamEvent[],
  issuer: string,
): readonly Deliverable[] {
  const wanted = new Set(deliveredEvents(stream.eventsRequested))
  const acked = new Set(stream.acked)
  return events.flatMap((event) => {
    const ssfEvent = ssfEventOf(event, issuer)
    if (acked.has(event.seq) || verdictOn(stream, event, ssfEvent, wanted) !== 'send' || !ssfEvent) return []
    return [{ event, ssfEvent }]
  })
}

/**
 * The cursor and the events received beyond it, after `received` has arrived.
 * @param events all events after the cursor, in order and without a gap, up to some point
 */
export function progress(
  stream: EventStream,
  events: readonly StreamEvent[],
  received: readonly number[],
  issuer: string,
): Pick<EventStream, 'cursor' | 'acked'> {
  const wanted = new Set(deliveredEvents(stream.eventsRequested))
  const known = new Set(events.map(({ seq }) => seq))
  const acked = new Set([...stream.acked, ...received.filter((seq) => known.has(seq))])
  let { cursor } = stream
  for (const event of events) {
    const isDone = acked.has(event.seq) || verdictOn(stream, event, ssfEventOf(event, issuer), wanted) === 'pass'
    if (!isDone) break
    cursor = event.seq
  }
  return { cursor, acked: [...acked].filter((seq) => seq > cursor).sort((one, other) => one - other) }
}

function verdictOn(
  stream: EventStream,
  event: StreamEvent,
  ssfEvent: SsfEvent | undefined,
  wanted: ReadonlySet<string>,
): Verdict {
  if (!ssfEvent) return 'pass'
  const isOwn = event.streamId === stream.id
  // The receiver must learn that its stream is paused or disabled (SSF 1.0 §8.1.5).
  if (isOwn && event.cause === 'stream.updated') return 'send'
  if (!isOwn && (event.isExcluded || !wanted.has(ssfEvent.type))) return 'pass'
  return ({ enabled: 'send', paused: 'hold', disabled: 'pass' } as const)[stream.status]
}
