/**
 * The audit log in Postgres. A request only drops its entry into a bounded
 * buffer; entries go out together, one statement a batch, several times a
 * second. While the database is away they wait; what does not fit is counted.
 */
import type { AuditEntry, AuditLog, EventFilter, RecordedEntry } from '../../events/events.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { type EventRow, entryOf, insertStatement, type Pending } from './audit-row.ts'

export interface AuditLogOptions {
  flushMs?: number
  batchSize?: number
  /** Entries kept while the database is away. */
  bufferLimit?: number
  /** Told of trouble: once when it begins, with the number of entries that wait or were lost. */
  onTrouble?: (error: unknown, state: { buffered: number; dropped: number }) => void
  now?: () => Date
}

/** So often `flush` tries: a process on its way out must not wait for a database that stays away. */
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

  /** Entries waiting, and entries lost because too many waited. For metrics. */
  get state(): { buffered: number; dropped: number } {
    return { buffered: this.#buffer.length, dropped: this.#dropped }
  }

  write(entry: AuditEntry): void {
    if (this.#buffer.length >= this.#options.bufferLimit) {
      // The oldest stay: they tell how it began.
      this.#dropped += 1
      return
    }
    this.#buffer.push({ at: this.#options.now(), entry })
    if (this.#buffer.length >= this.#options.batchSize && !this.#isTroubled) void this.#writeBatch()
    else this.#schedule(this.#isTroubled ? 2_000 : this.#options.flushMs)
  }

  /** Resolves when everything written so far is kept, or could not be after a few attempts. */
  async flush(): Promise<void> {
    let failures = 0
    while (this.#buffer.length > 0 && failures < closeAttempts) {
      if (!(await this.#writeBatch())) failures += 1
    }
  }

  /** Flushes and stops the clock. */
  async close(): Promise<void> {
    await this.flush()
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  /** Without `afterId` the latest, newest first; with it what came after, in order. */
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
    // Waiting entries are written by `close`; they need not keep a finished process alive.
    this.#timer.unref()
  }

  /** One batch at a time, so that order is kept. False when it could not be written; it waits then. */
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
      // Only what is kept leaves the buffer; after a lost answer a batch may stand twice, which is better than not at all.
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
 * Writes an entry in the transaction of what it records. Call it last: until the commit, every other writer of the
 * audit log waits for this one.
 */
export async function appendEntry(transaction: Queryable, entry: AuditEntry, at = new Date()): Promise<void> {
  await transaction.query(insertStatement([{ at, entry }]))
}
