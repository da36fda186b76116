/** Puts the functions of this room together. Each may be passed on by itself: none of them needs `this`. */
import { type PersonEvents, personEvents } from './person-events.ts'
import { type ProtocolEvents, protocolEvents } from './protocol-events.ts'
import { createRecord, type EventNeeds, type RecordEvent } from './record.ts'

export interface Events extends PersonEvents, ProtocolEvents {
  /** An entry made elsewhere; its kind should be one of `event-kinds.ts`. Also fits where an `AuditLog`'s `write` is wanted. */
  record: RecordEvent
}

export function createEvents(needs: EventNeeds): Events {
  const record = createRecord(needs)
  return { record, ...personEvents(record, needs), ...protocolEvents(record, needs) }
}
