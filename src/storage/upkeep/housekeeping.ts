/** Removes expired rows. */
import type { Queryable } from '../connection/database.ts'
import { type BatchOptions, type Gone, inBatches } from './in-batches.ts'

export interface Removed {
  artifacts: number
  attempts: number
  /** Settled logout requests, delivered or failed. */
  logouts: number
  events: number
  /** Names of removed or renamed people and clients that the audit log no longer mentions. */
  formerNames: number
}

export interface HousekeepingOptions extends BatchOptions {
  /** How long entries of the audit log are kept. */
  eventRetentionSeconds: number
}

/** Removes rows that have expired at `now` and returns their counts. Several nodes may run it at once. */
export async function removeExpired(db: Queryable, now: Date, options: HousekeepingOptions): Promise<Removed> {
  const before = (seconds: number) => new Date(now.getTime() - seconds * 1000)
  const remove = (table: string, column: string, upTo: Date) =>
    inBatches<Date | '-infinity'>(
      '-infinity',
      (from, most) => db.query<Gone<Date>>({ ...removal(table, column), values: [from, upTo, most] }),
      options,
    )
  return {
    artifacts: await remove('artifacts', 'expires_at', now),
    attempts: await remove('sign_in_attempts', 'expires_at', now),
    logouts: await remove('logout_deliveries', 'settled_at', before(logoutRetentionSeconds)),
    events: await remove('events', 'at', before(options.eventRetentionSeconds)),
    formerNames: await remove('former_names', 'until', before(options.eventRetentionSeconds)),
  }
}

/** How long `sessions show` lists settled logout requests; the audit log keeps their events longer. */
const logoutRetentionSeconds = 7 * 86_400

/**
 * Deletes the oldest rows from $1 to $2. `skip locked` leaves a row that a request or another node has locked to the
 * next call.
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

/** Number of expired rows not yet removed, counted up to a limit: for the gauge of the backlog. */
export async function countExpired(db: Queryable, now: Date, most = 100_000): Promise<number> {
  const { rows } = await db.query<{ expired: string }>({
    name: 'count-expired-artifacts',
    text: 'select count(*) as expired from (select from artifacts where expires_at <= $1 limit $2) as waiting',
    values: [now, most],
  })
  return Number(rows[0]?.expired ?? 0)
}
