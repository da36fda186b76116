/** Combines the functions of this room. None of them uses `this`, so each can be passed on alone. */
import { type PersonEvents, personEvents } from './person-events.ts'
import { type ProtocolEvents, protocolEvents } from './protocol-events.ts'
import { createRecord, type EventNeeds, type RecordEvent } from './record.ts'

export interface Events extends PersonEvents, ProtocolEvents {
  /** Records an entry made elsewhere, of a kind in `event-kinds.ts`. Can also serve as the `write` of an `AuditLog`. */
  record: RecordEvent
}

export function createEvents(needs: EventNeeds): Events {
  const record = createRecord(needs)
  return { record, ...personEvents(record, needs), ...protocolEvents(record, needs) }
}
