/**
 * signals tells partners what happened to people, sessions and tokens: a
 * transmitter of the OpenID Shared Signals Framework 1.0 with CAEP 1.0 and RISC
 * events. `storage` writes a journal of events in the transaction of what
 * happened; here each becomes what a receiver is told of it (`told-event.ts`),
 * signed (`security-event-token.ts`), and travels over the receiver's streams:
 * fetched (`poll.ts`) or pushed (`push.ts`, driven by `transmitter.ts`). What a
 * stream has received is one cursor (`delivery.ts`). Receivers manage streams through `stream-desk.ts`;
 * `web` carries it. docs/shared-signals.md is the contract with receivers.
 */

/** One entry of the journal. */
export interface SecurityEvent {
  seq: number
  /** The only stream that it concerns; undefined: all. */
  streamId: string | undefined
  kind: 'sub' | 'sid' | 'jti' | 'grant' | 'client' | 'account' | 'claims' | 'credential' | 'stream'
  /** `session.ended`, `account.disabled` …: as in the log of revocations. */
  cause: string
  accountId: string | undefined
  clientId: string | undefined
  /** Name of the session or token. */
  value: string | undefined
  detail: Readonly<Record<string, unknown>>
  actor: string | undefined
  /** Shared by what happened together. */
  txn: string
  at: Date
}

export type StreamStatus = 'enabled' | 'paused' | 'disabled'

export type Delivery = { method: 'poll' } | { method: 'push'; endpointUrl: string; authorization: string | undefined }

/** What a receiver decides about its stream. */
export interface StreamSettings {
  delivery: Delivery
  /** Undefined: whatever there is. */
  eventsRequested: readonly string[] | undefined
  description: string | undefined
}

export interface EventStream extends StreamSettings {
  id: string
  /** The receiver: a client, and the audience of what it is sent. */
  clientId: string
  status: StreamStatus
  statusReason: string | undefined
  /** Everything up to here was received, or was not meant for it. */
  cursor: number
  /** Received beyond the cursor. */
  acked: readonly number[]
  /** Pushes in a row that did not arrive. */
  failures: number
  failingSince: Date | undefined
  nextTryAt: Date | undefined
  lastError: string | undefined
  lastErrorAt: Date | undefined
  createdAt: Date
}

/** Where the journal stands. */
export interface JournalHead {
  /** Drawn anew when the database was replaced by an older copy. */
  epoch: string
  seq: number
}

/** An entry as one stream sees it. */
export interface StreamEvent extends SecurityEvent {
  /** The receiver said that it wants to hear nothing of this subject. */
  isExcluded: boolean
}

/** Refused beyond: signing is paid for each receiver. */
export const mostStreams = 100
export const mostStreamsOfOne = 10
/** Whom one stream does not tell of. */
export const mostExclusions = 10_000
/** Undelivered events are kept for so long. */
export const keptSeconds = 7 * 86_400
