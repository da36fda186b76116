/**
 * events records what is worth recording: one function per thing, which writes
 * the audit entry, the log line and the counter together. Secrets, tokens,
 * codes, cookies and passwords never come here. `create-events.ts` puts the
 * functions together, `event-kinds.ts` lists what there is, `log.ts` and
 * `metrics.ts` are where lines and counts go.
 */

/** One row of the audit log. */
export interface AuditEntry {
  /** Dotted, past tense: `sign-in.succeeded`, `refresh-token.reused`, `client.created`. */
  kind: string
  /** Who did it: `account:acc_…`, `client:…`, `cli:<unix user>`, `schedule`, `anonymous` before anything is proved. */
  actor: string
  accountId?: string | undefined
  clientId?: string | undefined
  /** Client address as far as it is trusted. */
  source?: string | undefined
  requestId?: string | undefined
  /** Plain values; strings are truncated at 512 characters. */
  detail?: Record<string, unknown>
}

/** Where entries go; `storage` writes them in batches and flushes on close. Never throws into a request. */
export interface AuditLog {
  write(entry: AuditEntry): void
  flush(): Promise<void>
  /** Without `afterId` the latest, newest first; with it what came after, in order. */
  list(page: EventFilter & { limit: number }): Promise<RecordedEntry[]>
}

/** Entries that meet all of these. */
export interface EventFilter {
  afterId?: bigint
  beforeId?: bigint
  /** About one of these accounts. */
  accountIds?: readonly string[]
  clientId?: string
  kind?: string
  since?: Date
  /** Entries of this instant are left out. */
  until?: Date
}

/** What a person or a client is called. */
export interface SubjectName {
  /** Of a person. */
  email: string | undefined
  name: string | undefined
}

/** Who is who in the audit log, removed people and clients included. */
export interface SubjectNames {
  /** By id of an account or a client; the last name of those that were removed. */
  of(ids: readonly string[]): Promise<ReadonlyMap<string, SubjectName>>
  /** Ids of all accounts that have, or had, this id or sign-in address. */
  accountsCalled(named: string): Promise<string[]>
}

export interface RecordedEntry extends AuditEntry {
  id: bigint
  at: Date
}
