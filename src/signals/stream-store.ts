/** Where streams are kept; `storage/signals/stream-store.ts` implements it. */
import type { EventStream, StreamSettings, StreamStatus } from './signals.ts'

export interface StreamStore {
  find(id: string): Promise<EventStream | undefined>
  /** Oldest first; of one receiver, or of all. */
  list(clientId?: string): Promise<EventStream[]>
  /** From the present end of the journal on. @throws Failure `streams_full` (denied) */
  insert(id: string, clientId: string, settings: StreamSettings): Promise<EventStream>
  /** @throws Failure `stream_missing` */
  update(id: string, settings: StreamSettings): Promise<EventStream>
  /** By the receiver. Whoever comes back from disabled begins at the present end. @throws Failure `stream_missing` */
  setStatus(id: string, status: StreamStatus, reason: string | undefined): Promise<EventStream>
  /** False when there is none. */
  remove(id: string): Promise<boolean>
  /** @throws Failure `exclusions_full` (denied) */
  exclude(id: string, subject: string): Promise<void>
  include(id: string, subject: string): Promise<void>
  /** Writes the event that asks the receiver whether it listens. False: asked less than `minSeconds` ago. */
  verify(id: string, state: string | undefined, minSeconds: number): Promise<boolean>
}
