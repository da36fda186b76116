/** Rows that have served their time leave in small batches, so that nobody waits for them and the log stays short. */
import { setTimeout as wait } from 'node:timers/promises'
import type { Queryable } from './database.ts'

export interface Removed {
  artifacts: number
  attempts: number
  /** Of apps that were told of an ended session, or given up. */
  logouts: number
  events: number
}

export interface HousekeepingOptions {
  /** How long entries of the audit log are kept. */
  eventRetentionSeconds: number
  /** Rows a statement. */
  batch?: number
  /** Statements a table and call; what is left waits for the next call. */
  mostBatches?: number
  /** Waits between two statements. */
  pause?(milliseconds: number): Promise<unknown>
}

/** Removes what has expired at `now` and says how much of it. Any number of nodes may do so at once. */
export async function removeExpired(db: Queryable, now: Date, options: HousekeepingOptions): Promise<Removed> {
  const before = (seconds: number) => new Date(now.getTime() - seconds * 1000)
  return {
    artifacts: await inBatches(db, 'artifacts', 'expires_at', now, options),
    attempts: await inBatches(db, 'sign_in_attempts', 'expires_at', now, options),
    logouts: await inBatches(db, 'logout_deliveries', 'settled_at', before(logoutRetentionSeconds), options),
    events: await inBatches(db, 'events', 'at', before(options.eventRetentionSeconds), options),
  }
}

/** So long `sessions show` tells how it went; the audit log tells it for longer. */
const logoutRetentionSeconds = 7 * 86_400

/**
 * The oldest rows from $1 on and up to $2. `skip locked`: a row that a request is just using, or another node is just
 * removing, is left to the next call.
 */
const removal = (table: string, column: string) => ({
  name: `remove-old-${table}`,
  text: `with gone as (
           delete from ${table}
            where ctid = any (array(
              select ctid from ${table} where ${column} between $1 and $2
               order by ${column} limit $3 for update skip locked))
              and ${column} <= $2
           returning ${column} as at)
         select count(*)::int as removed, max(at) as reached from gone`,
})

interface Gone {
  removed: number
  /** The youngest of them. */
  reached: Date | null
}

/** Millions of rows take a while, and requests go on meanwhile: most of that time is theirs. */
const pausesPerBatch = 5
const longestPauseMs = 1_000

async function inBatches(
  db: Queryable,
  table: string,
  column: string,
  upTo: Date,
  { batch = 1_000, mostBatches = 1_000, pause = wait }: HousekeepingOptions,
): Promise<number> {
  let removed = 0
  // What was removed stays in the index until it is vacuumed; a batch that began at its start would read all of it again.
  let from: Date | '-infinity' = '-infinity'
  for (let round = 0; round < mostBatches; round += 1) {
    const started = performance.now()
    const values: unknown[] = [from, upTo, batch]
    const { rows } = await db.query<Gone>({ ...removal(table, column), values })
    const { removed: gone, reached } = rows[0] ?? { removed: 0, reached: null }
    removed += gone
    if (reached === null || gone < batch) break
    from = reached
    await pause(Math.min(longestPauseMs, pausesPerBatch * (performance.now() - started)))
  }
  return removed
}

/** Rows that wait to be removed, counted up to a limit: for the gauge of the backlog. */
export async function countExpired(db: Queryable, now: Date, most = 100_000): Promise<number> {
  const { rows } = await db.query<{ expired: string }>({
    name: 'count-expired-artifacts',
    text: 'select count(*) as expired from (select from artifacts where expires_at <= $1 limit $2) as waiting',
    values: [now, most],
  })
  return Number(rows[0]?.expired ?? 0)
}
