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
  list(page: { limit: number; afterId?: bigint; accountId?: string; kind?: string }): Promise<RecordedEntry[]>
}

export interface RecordedEntry extends AuditEntry {
  id: bigint
  at: Date
}
