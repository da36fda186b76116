/** Which events a stream is to have, and how far it has come. Pure: what is read and written is `storage`'s. */
import { deliveredEvents } from './event-types.ts'
import type { EventStream, StreamEvent } from './signals.ts'
import { type ToldEvent, toldEvent } from './told-event.ts'

/** Events that are looked at in one go; nothing further is handed out before the first of them has been received. */
export const windowSize = 1_000

export interface Deliverable {
  event: StreamEvent
  told: ToldEvent
}

/** send: now. hold: when the stream is enabled again. pass: it does not concern this stream. */
type Verdict = 'send' | 'hold' | 'pass'

/** What the receiver is still to be given of these, in order. */
export function deliverables(
  stream: EventStream,
  events: readonly StreamEvent[],
  issuer: string,
): readonly Deliverable[] {
  const wanted = new Set(deliveredEvents(stream.eventsRequested))
  const acked = new Set(stream.acked)
  return events.flatMap((event) => {
    const told = toldEvent(event, issuer)
    if (acked.has(event.seq) || verdictOn(stream, event, told, wanted) !== 'send' || !told) return []
    return [{ event, told }]
  })
}

/**
 * The cursor and what is received beyond it, once these have been received too.
 * @param events everything that follows the cursor, in order and without a gap, up to some point
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
    const isDone = acked.has(event.seq) || verdictOn(stream, event, toldEvent(event, issuer), wanted) === 'pass'
    if (!isDone) break
    cursor = event.seq
  }
  return { cursor, acked: [...acked].filter((seq) => seq > cursor).sort((one, other) => one - other) }
}

function verdictOn(
  stream: EventStream,
  event: StreamEvent,
  told: ToldEvent | undefined,
  wanted: ReadonlySet<string>,
): Verdict {
  if (!told) return 'pass'
  const isOwn = event.streamId === stream.id
  // The receiver has to hear that its stream stands still (SSF 1.0 §8.1.5).
  if (isOwn && event.cause === 'stream.updated') return 'send'
  if (!isOwn && (event.isExcluded || !wanted.has(told.type))) return 'pass'
  return ({ enabled: 'send', paused: 'hold', disabled: 'pass' } as const)[stream.status]
}
