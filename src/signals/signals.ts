/**
 * signals informs partners of changes to people, sessions and tokens: a transmitter of the OpenID Shared Signals
 * Framework 1.0 with CAEP 1.0 and RISC events. `storage` writes a journal of events in the transaction of the change.
 * Each entry is mapped to an event (`ssf-event.ts`), signed (`security-event-token.ts`) and delivered over the
 * receiver's streams: polled (`poll.ts`) or pushed (`push.ts`, driven by `transmitter.ts`). One cursor per stream
 * records what was received (`delivery.ts`). Receivers manage streams through `stream-desk.ts`; `web` serves the
 * endpoints. docs/shared-signals.md is the contract with receivers.
 */

/** One entry of the journal. */
export interface SecurityEvent {
  seq: number
  /** The only stream that the entry concerns; undefined: all streams. */
  streamId: string | undefined
  kind: 'sub' | 'sid' | 'jti' | 'grant' | 'client' | 'account' | 'claims' | 'credential' | 'stream'
  /** The cause, as in the log of revocations: `session.ended`, `account.disabled` … */
  cause: string
  accountId: string | undefined
  clientId: string | undefined
  /** The id of the session or token. */
  value: string | undefined
  detail: Readonly<Record<string, unknown>>
  actor: string | undefined
  /** Shared by the entries of one transaction. */
  txn: string
  at: Date
}

export type StreamStatus = 'enabled' | 'paused' | 'disabled'

export type Delivery = { method: 'poll' } | { method: 'push'; endpointUrl: string; authorization: string | undefined }

/** The receiver's settings of its stream. */
export interface StreamSettings {
  delivery: Delivery
  /** Undefined: all supported types. */
  eventsRequested: readonly string[] | undefined
  description: string | undefined
}

export interface EventStream extends StreamSettings {
  id: string
  /** The receiver: a client, and the audience of its tokens. */
  clientId: string
  status: StreamStatus
  statusReason: string | undefined
  /** Every event up to this number was received or does not concern the stream. */
  cursor: number
  /** Numbers received beyond the cursor. */
  acked: readonly number[]
  /** The number of consecutive failed pushes. */
  failures: number
  failingSince: Date | undefined
  nextTryAt: Date | undefined
  lastError: string | undefined
  lastErrorAt: Date | undefined
  createdAt: Date
}

/** The current end of the journal. */
export interface JournalHead {
  /** Replaced when an older copy of the database is restored. */
  epoch: string
  seq: number
}

/** An entry as one stream gets it. */
export interface StreamEvent extends SecurityEvent {
  /** The receiver has excluded this subject. */
  isExcluded: boolean
}

/** The most streams: each event is signed for each receiver. */
export const mostStreams = 100
export const mostStreamsOfOne = 10
/** The most excluded subjects of one stream. */
export const mostExclusions = 10_000
/** How long undelivered events are kept. */
export const keptSeconds = 7 * 86_400
