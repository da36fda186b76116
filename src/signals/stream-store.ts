/** The store of streams; `storage/signals/stream-store.ts` implements it. */
import type { EventStream, StreamSettings, StreamStatus } from './signals.ts'

export interface StreamStore {
  find(id: string): Promise<EventStream | undefined>
  /** Oldest first: the streams of one receiver, or all. */
  list(clientId?: string): Promise<EventStream[]>
  /** Adds a stream that begins at the current end of the journal. @throws Failure `streams_full` (denied) */
  insert(id: string, clientId: string, settings: StreamSettings): Promise<EventStream>
  /** @throws Failure `stream_missing` */
  update(id: string, settings: StreamSettings): Promise<EventStream>
  /**
   * Sets the status for the receiver. A stream that was disabled begins at the current end. @throws Failure
   * `stream_missing`
   */
  setStatus(id: string, status: StreamStatus, reason: string | undefined): Promise<EventStream>
  /** @returns false when there is no such stream */
  remove(id: string): Promise<boolean>
  /** @throws Failure `exclusions_full` (denied) */
  exclude(id: string, subject: string): Promise<void>
  include(id: string, subject: string): Promise<void>
  /** Writes a verification event. @returns false when the last request is less than `minSeconds` ago */
  verify(id: string, state: string | undefined, minSeconds: number): Promise<boolean>
}
