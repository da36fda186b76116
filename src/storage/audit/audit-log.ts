/**
 * The audit log in Postgres. A request only adds its entry to a bounded buffer.
 * Batches of entries are written several times a second, one statement per batch.
 * While the database is unavailable, entries wait; entries that do not fit are
 * counted and dropped.
 */
import type { AuditEntry, AuditLog, EventFilter, RecordedEntry } from '../../events/events.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { type EventRow, entryOf, insertStatement, type Pending } from './audit-row.ts'

export interface AuditLogOptions {
  flushMs?: number
  batchSize?: number
  /** Entries buffered while the database is unavailable. */
  bufferLimit?: number
  /** Called once when writing starts to fail, with the number of buffered and dropped entries. */
  onTrouble?: (error: unknown, state: { buffered: number; dropped: number }) => void
  now?: () => Date
}

/** How often `flush` tries: a stopping process must not wait for a database that stays unavailable. */
const closeAttempts = 3

export class PostgresAuditLog implements AuditLog {
  readonly #db: Database
  readonly #options: Required<AuditLogOptions>
  #buffer: Pending[] = []
  #dropped = 0
  #timer: NodeJS.Timeout | undefined
  #writing: Promise<boolean> | undefined
  #isTroubled = false

  constructor(db: Database, options: AuditLogOptions = {}) {
    this.#db = db
    this.#options = {
      flushMs: 200,
      batchSize: 100,
      bufferLimit: 10_000,
      onTrouble: () => {},
      now: () => new Date(),
      ...options,
    }
  }

  /** Numbers of buffered entries and of entries dropped because the buffer was full. For metrics. */
  get state(): { buffered: number; dropped: number } {
    return { buffered: this.#buffer.length, dropped: this.#dropped }
  }

  write(entry: AuditEntry): void {
    if (this.#buffer.length >= this.#options.bufferLimit) {
      // The oldest entries stay, because they show how the trouble began.
      this.#dropped += 1
      return
    }
    this.#buffer.push({ at: this.#options.now(), entry })
    if (this.#buffer.length >= this.#options.batchSize && !this.#isTroubled) void this.#writeBatch()
    else this.#schedule(this.#isTroubled ? 2_000 : this.#options.flushMs)
  }

  /** Resolves when every buffered entry is stored, or after a few failed attempts. */
  async flush(): Promise<void> {
    let failures = 0
    while (this.#buffer.length > 0 && failures < closeAttempts) {
      if (!(await this.#writeBatch())) failures += 1
    }
  }

  /** Flushes the buffer and stops the timer. */
  async close(): Promise<void> {
    await this.flush()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Without `afterId`: the latest entries, newest first. With `afterId`: the entries after it, oldest first. */
  async list(page: EventFilter & { limit: number }): Promise<RecordedEntry[]> {
    const conditions = [
      { text: 'id > $', value: page.afterId?.toString() },
      { text: 'id < $', value: page.beforeId?.toString() },
      { text: 'account_id = any($', end: ')', value: page.accountIds },
      { text: 'client_id = $', value: page.clientId },
      { text: 'kind = $', value: page.kind },
      { text: 'at >= $', value: page.since },
      { text: 'at < $', value: page.until },
    ].filter(({ value }) => value !== undefined)
    const where = conditions.map(({ text, end = '' }, index) => `${text}${index + 2}${end}`).join(' and ')
    const { rows } = await this.#db.query<EventRow>(
      `select id, at, kind, actor, account_id, client_id, source, request_id, detail from events
        where ${where || 'true'} order by id ${page.afterId === undefined ? 'desc' : 'asc'} limit $1`,
      [page.limit, ...conditions.map(({ value }) => value)],
    )
    return rows.map(entryOf)
  }

  #schedule(delayMs: number): void {
    if (this.#timer) return
    this.#timer = setTimeout(() => {
      this.#timer = undefined
      void this.#writeBatch()
    }, delayMs)
    // `close` writes buffered entries, so the timer need not keep a finished process alive.
    this.#timer.unref()
  }

  /** Writes one batch at a time, so that the order is kept. False if the write failed; then the batch stays buffered. */
  #writeBatch(): Promise<boolean> {
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined
      if (this.#buffer.length > 0) this.#schedule(this.#isTroubled ? 2_000 : this.#options.flushMs)
    })
    return this.#writing
  }

  async #write(): Promise<boolean> {
    const batch = this.#buffer.slice(0, this.#options.batchSize)
    if (batch.length === 0) return true
    try {
      await this.#db.query(insertStatement(batch))
      // Only stored entries leave the buffer. If the database's answer is lost, a batch may be stored twice, but never lost.
      this.#buffer.splice(0, batch.length)
      this.#isTroubled = false
      return true
    } catch (error) {
      if (!this.#isTroubled) this.#options.onTrouble(error, this.state)
      this.#isTroubled = true
      return false
    }
  }
}

/**
 * Writes an entry in the transaction of the change that it records. Call it last: every other writer of the audit log
 * waits for this transaction's commit.
 */
export async function appendEntry(transaction: Queryable, entry: AuditEntry, at = new Date()): Promise<void> {
  await transaction.query(insertStatement([{ at, entry }]))
}
