/** Event streams for commands, with the number of waiting events in each. */
import type { DeskStreams, StreamRow } from '../cli/desk.ts'
import { deliverables, windowSize } from '../signals/delivery.ts'
import type { EventStream } from '../signals/signals.ts'
import type { Database } from '../storage/connection/database.ts'
import { PostgresStreamJournal } from '../storage/signals/stream-journal.ts'
import { PostgresStreamStore } from '../storage/signals/stream-store.ts'

export function openDeskStreams(db: Database, issuer: string): DeskStreams {
  const store = new PostgresStreamStore(db)
  const journal = new PostgresStreamJournal(db)
  const withWaiting = async ({ id }: EventStream): Promise<StreamRow> => {
    const { stream, events } = await journal.look(id, windowSize)
    // Events of a paused stream count as waiting too.
    const [oldest, ...more] = deliverables({ ...stream, status: 'enabled' }, events, issuer)
    return {
      ...stream,
      waiting: oldest ? more.length + 1 : 0,
      hasMore: events.length === windowSize,
      waitingSince: oldest?.event.at,
    }
  }
  return {
    list: async () => Promise.all((await store.list()).map(withWaiting)),
    find: async (id) => {
      const stream = await store.find(id)
      return stream && withWaiting(stream)
    },
    remove: (id) => store.remove(id),
  }
}
