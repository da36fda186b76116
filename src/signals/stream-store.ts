/** Where streams and the journal are kept; `storage/postgres-event-streams.ts` implements it. */
import type { EventStream, JournalHead, StreamEvent, StreamSettings, StreamStatus } from './signals.ts'

/** What follows a stream's cursor, in order and without a gap, as far as it was looked at. */
export interface StreamWindow {
  stream: EventStream
  events: readonly StreamEvent[]
}

/** How far a stream has come. */
export type Progress = Pick<EventStream, 'cursor' | 'acked'>

/** What a turn of pushing came to. */
export interface PushOutcome {
  /** Numbers of the events that arrived. */
  received: readonly number[]
  /** Why the next one did not. */
  failure: string | undefined
  /** An event that the receiver refused for good; it counts as received. */
  refusal: string | undefined
}

export interface EventStreamStore {
  /** Numbers what was committed. `hasStreams`: is there anybody to tell? */
  advance(): Promise<JournalHead & { hasStreams: boolean }>
  find(id: string): Promise<EventStream | undefined>
  /** Oldest first; of one receiver, or of all. */
  list(clientId?: string): Promise<EventStream[]>
  /** From the present end of the journal on. @throws Failure `streams_full` (denied) */
  insert(id: string, clientId: string, settings: StreamSettings): Promise<EventStream>
  /** @throws Failure `stream_missing` */
  update(id: string, settings: StreamSettings): Promise<EventStream>
  /** By the receiver. Whoever comes back from disabled begins at the present end. @throws Failure `stream_missing` */
  setStatus(id: string, status: StreamStatus, reason: string | undefined): Promise<EventStream>
  /** By us: the receiver is told on the stream. With `skip` it will not be given what it has missed. */
  halt(id: string, status: 'paused' | 'disabled', reason: string, options: { skip: boolean }): Promise<void>
  /** False when there is none. */
  remove(id: string): Promise<boolean>
  /** @throws Failure `exclusions_full` (denied) */
  exclude(id: string, subject: string): Promise<void>
  include(id: string, subject: string): Promise<void>
  /** Writes the event that asks the receiver whether it listens. False: asked less than `minSeconds` ago. */
  verify(id: string, state: string | undefined, minSeconds: number): Promise<boolean>
  /** @throws Failure `stream_missing` */
  look(id: string, limit: number): Promise<StreamWindow>
  /** Moves a stream on, with its row held from reading to writing. `error` is what the receiver found wrong. */
  moveOn(id: string, limit: number, move: (window: StreamWindow) => Progress, error?: string): Promise<EventStream>
  /** Ids of streams that may have something to push, with what changes when they do. */
  listPushable(): Promise<{ id: string; version: string }[]>
  /** Takes a stream for this long; undefined when another node pushes it, or its next try is not due. */
  lease(id: string, seconds: number): Promise<EventStream | undefined>
  /** Ends the lease and keeps what came of it; after a failure the next try is due in `retrySeconds`. */
  settle(
    id: string,
    limit: number,
    outcome: PushOutcome,
    retrySeconds: number,
    move: (window: StreamWindow) => Progress,
  ): Promise<void>
  /** Removes what every stream has had, and whatever is older than it is kept. */
  removeOld(keptSeconds: number): Promise<void>
}
