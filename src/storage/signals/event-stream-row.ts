/** Event streams and journal entries as rows. */
import { Failure } from '../../errors/failure.ts'
import type { Delivery, EventStream, SecurityEvent, StreamEvent, StreamStatus } from '../../signals/signals.ts'

/** Encrypts the Authorization header that a receiver wants to get; each ciphertext is bound to its stream. */
export interface HeaderSeal {
  seal(streamId: string, text: string): string
  open(streamId: string, sealed: string): string
}

export interface StreamRow {
  id: string
  client_id: string
  method: Delivery['method']
  endpoint_url: string | null
  authorization_sealed: string | null
  events_requested: string[] | null
  description: string | null
  status: StreamStatus
  status_reason: string | null
  cursor: number
  acked: number[]
  failures: number
  failing_since: Date | null
  next_try_at: Date | null
  last_error: string | null
  last_error_at: Date | null
  created_at: Date
}

export const streamColumns = `id, client_id, method, endpoint_url, authorization_sealed, events_requested, description, status,
  status_reason, cursor::float8 as cursor, acked::float8[] as acked, failures, failing_since,
  case when isfinite(next_try_at) then next_try_at end as next_try_at, last_error, last_error_at, created_at`

/** Without `seal` the header is not decrypted. */
export function streamFrom(row: StreamRow, seal: HeaderSeal | undefined): EventStream {
  return {
    id: row.id,
    clientId: row.client_id,
    delivery: deliveryFrom(row, seal),
    eventsRequested: row.events_requested ?? undefined,
    description: row.description ?? undefined,
    status: row.status,
    statusReason: row.status_reason ?? undefined,
    cursor: row.cursor,
    acked: row.acked,
    failures: row.failures,
    failingSince: row.failing_since ?? undefined,
    nextTryAt: row.next_try_at ?? undefined,
    lastError: row.last_error ?? undefined,
    lastErrorAt: row.last_error_at ?? undefined,
    createdAt: row.created_at,
  }
}

function deliveryFrom(
  { id, endpoint_url, authorization_sealed: sealed }: StreamRow,
  seal: HeaderSeal | undefined,
): Delivery {
  if (endpoint_url === null) return { method: 'poll' }
  return {
    method: 'push',
    endpointUrl: endpoint_url,
    authorization: sealed === null ? undefined : seal?.open(id, sealed),
  }
}

/** @throws Failure `stream_missing` */
export function onlyStream(rows: readonly StreamRow[], seal: HeaderSeal | undefined): EventStream {
  if (rows[0]) return streamFrom(rows[0], seal)
  throw new Failure('stream_missing', 'missing', 'There is no such stream.')
}

export interface EventRow {
  seq: number
  stream_id: string | null
  kind: SecurityEvent['kind']
  cause: string
  account_id: string | null
  client_id: string | null
  value: string | null
  detail: Record<string, unknown>
  actor: string | null
  txn: string
  created_at: Date
  is_excluded: boolean
}

export const eventFrom = (row: EventRow): StreamEvent => ({
  seq: row.seq,
  streamId: row.stream_id ?? undefined,
  kind: row.kind,
  cause: row.cause,
  accountId: row.account_id ?? undefined,
  clientId: row.client_id ?? undefined,
  value: row.value ?? undefined,
  detail: row.detail,
  actor: row.actor ?? undefined,
  txn: row.txn,
  at: row.created_at,
  isExcluded: row.is_excluded,
})
