/** The journal as streams come through it; `storage/signals/stream-journal.ts` implements it. */
import type { EventStream, JournalHead, StreamEvent } from './signals.ts'

/** What follows a stream's cursor, in order and without a gap, as far as it was looked at. */
export interface StreamWindow {
  stream: EventStream
  events: readonly StreamEvent[]
}

/** How far a stream has come. */
export type Progress = Pick<EventStream, 'cursor' | 'acked'>

/** Says how far a stream has come, given what follows its cursor. */
export type Move = (window: StreamWindow) => Progress

/** What a turn of pushing came to. */
export interface PushOutcome {
  /** Numbers of the events that arrived. */
  received: readonly number[]
  /** Why the next one did not. */
  failure: string | undefined
  /** An event that the receiver refused for good; it counts as received. */
  refusal: string | undefined
}

export interface StreamJournal {
  /** Numbers what was committed. `hasStreams`: is there anybody to tell? */
  advance(): Promise<JournalHead & { hasStreams: boolean }>
  /** @throws Failure `stream_missing` */
  look(id: string, limit: number): Promise<StreamWindow>
  /** Moves a stream on, with its row held from reading to writing. `error` is what the receiver found wrong. */
  moveOn(id: string, limit: number, move: Move, error?: string): Promise<void>
  /** Streams that may have something to push; `version` changes whenever that may have changed. */
  listPushable(): Promise<{ id: string; version: string }[]>
  /** Takes a stream for this long; undefined when another node pushes it, or its next try is not due. */
  lease(id: string, seconds: number): Promise<EventStream | undefined>
  /** Ends the lease and keeps what came of it; after a failure the next try is due in `retrySeconds`. */
  settle(id: string, limit: number, outcome: PushOutcome, retrySeconds: number, move: Move): Promise<void>
  /** By us: the receiver is told on the stream. With `skip` it will not be given what it has missed. */
  halt(id: string, status: 'paused' | 'disabled', reason: string, options: { skip: boolean }): Promise<void>
  /** Removes what every stream has had, and whatever is older than it is kept. */
  removeOld(keptSeconds: number): Promise<void>
}
