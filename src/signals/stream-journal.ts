/** The journal as streams read it; `storage/signals/stream-journal.ts` implements it. */
import type { EventStream, JournalHead, StreamEvent } from './signals.ts'

/** The events after a stream's cursor, in order and without a gap, up to a limit. */
export interface StreamWindow {
  stream: EventStream
  events: readonly StreamEvent[]
}

/** How far a stream has received the journal. */
export type Progress = Pick<EventStream, 'cursor' | 'acked'>

/** Computes the progress of a stream from the events after its cursor. */
export type Move = (window: StreamWindow) => Progress

/** The result of one turn of pushing. */
export interface PushOutcome {
  /** Numbers of the events that arrived. */
  received: readonly number[]
  /** Why the next event did not arrive. */
  failure: string | undefined
  /** Why the receiver refused an event for good, which counts as received. */
  refusal: string | undefined
}

export interface StreamJournal {
  /** Numbers committed entries. `hasStreams` is false when there is no stream. */
  advance(): Promise<JournalHead & { hasStreams: boolean }>
  /** @throws Failure `stream_missing` */
  look(id: string, limit: number): Promise<StreamWindow>
  /** Advances a stream; its row is locked between read and write. `error` is the fault that the receiver reported. */
  moveOn(id: string, limit: number, move: Move, error?: string): Promise<void>
  /** Streams that may have something to push. `version` changes whenever that may have changed. */
  listPushable(): Promise<{ id: string; version: string }[]>
  /** Leases a stream; undefined when another node pushes it, or its next try is not due. */
  lease(id: string, seconds: number): Promise<EventStream | undefined>
  /** Ends the lease and stores the result. After a failure the next try is due in `retrySeconds`. */
  settle(id: string, limit: number, outcome: PushOutcome, retrySeconds: number, move: Move): Promise<void>
  /**
   * Pauses or disables a stream; an event on the stream informs the receiver. With `skip` the missed events are not
   * delivered later.
   */
  halt(id: string, status: 'paused' | 'disabled', reason: string, options: { skip: boolean }): Promise<void>
  /** Removes events that every stream has received, and events older than `keptSeconds`. */
  removeOld(keptSeconds: number): Promise<void>
}
