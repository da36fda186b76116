/** An audit entry as a row, and a batch of entries as one statement. */
import type { AuditEntry, RecordedEntry } from '../../events/events.ts'
import { plainText } from '../../events/plain-text.ts'
import { safeFields } from '../../events/redact.ts'
import type { Statement } from '../connection/database.ts'

/** An entry with the time of its event; the entry is written later. */
export interface Pending {
  at: Date
  entry: AuditEntry
}

// "clavevnt": one writer at a time, so that ids become visible in order and a reader that follows the log misses none.
const turnKey = '7164210430026246772'

/** One statement for any batch size: one array per column. */
export function insertStatement(batch: readonly Pending[]): Statement {
  const column = (pick: (entry: AuditEntry) => string | undefined): (string | null)[] =>
    batch.map(({ entry }) => {
      const value = pick(entry)
      return value === undefined || value === null ? null : plainText(String(value))
    })
  return {
    name: 'events-insert',
    text: `with turn as materialized (select pg_advisory_xact_lock(${turnKey}))
           insert into events (at, kind, actor, account_id, client_id, source, request_id, detail)
           select given.* from turn,
             unnest($1::timestamptz[], $2::text[], $3::text[], $4::text[], $5::text[], $6::text[], $7::text[], $8::jsonb[]) as given`,
    values: [
      batch.map(({ at }) => at),
      column((entry) => entry.kind),
      column((entry) => entry.actor),
      column((entry) => entry.accountId),
      column((entry) => entry.clientId),
      column((entry) => entry.source),
      column((entry) => entry.requestId),
      batch.map(({ entry }) => JSON.stringify(safeFields(entry.detail ?? {}))),
    ],
  }
}

export interface EventRow {
  id: string
  at: Date
  kind: string
  actor: string
  account_id: string | null
  client_id: string | null
  source: string | null
  request_id: string | null
  detail: Record<string, unknown>
}

export const entryOf = (row: EventRow): RecordedEntry => ({
  id: BigInt(row.id),
  at: row.at,
  kind: row.kind,
  actor: row.actor,
  accountId: row.account_id ?? undefined,
  clientId: row.client_id ?? undefined,
  source: row.source ?? undefined,
  requestId: row.request_id ?? undefined,
  detail: row.detail,
})
