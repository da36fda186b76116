/**
 * events records events: one function per event writes the audit entry, the
 * log line and the counter. Callers never pass secrets, tokens, codes, cookies
 * or passwords. `create-events.ts` combines the functions, `event-kinds.ts`
 * lists the kinds, `log.ts` writes lines and `metrics.ts` counts.
 */

/** One row of the audit log. */
export interface AuditEntry {
  /** Dotted, past tense: `sign-in.succeeded`, `refresh-token.reused`, `client.created`. */
  kind: string
  /** The actor: `account:acc_…`, `client:…`, `cli:<unix user>`, `schedule`, or `anonymous` before authentication. */
  actor: string
  accountId?: string | undefined
  clientId?: string | undefined
  /** Client address, as reported by the trusted proxies only. */
  source?: string | undefined
  requestId?: string | undefined
  /** Plain values; strings are truncated at 512 characters. */
  detail?: Record<string, unknown>
}

/** The store of entries. `storage` writes them in batches and flushes on close. `write` never throws. */
export interface AuditLog {
  write(entry: AuditEntry): void
  flush(): Promise<void>
  /** Without `afterId`: the latest entries, newest first. With it: the entries after it, in order. */
  list(page: EventFilter & { limit: number }): Promise<RecordedEntry[]>
}

/** An entry matches when it meets every condition. */
export interface EventFilter {
  afterId?: bigint
  beforeId?: bigint
  /** About one of these accounts. */
  accountIds?: readonly string[]
  clientId?: string
  kind?: string
  since?: Date
  /** Exclusive. */
  until?: Date
}

/** The names of a person or a client. */
export interface SubjectName {
  /** Undefined for a client. */
  email: string | undefined
  name: string | undefined
}

/** Names for the ids in the audit log, including those of removed people and clients. */
export interface SubjectNames {
  /** By id of an account or a client. A removed one keeps its last name. */
  of(ids: readonly string[]): Promise<ReadonlyMap<string, SubjectName>>
  /** Ids of all accounts that have, or had, this id or sign-in address. */
  accountsCalled(named: string): Promise<string[]>
}

export interface RecordedEntry extends AuditEntry {
  id: bigint
  at: Date
}
