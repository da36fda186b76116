/** Rows that have served their time go. */
import type { Queryable } from '../connection/database.ts'
import { type BatchOptions, type Gone, inBatches } from './in-batches.ts'

export interface Removed {
  artifacts: number
  attempts: number
  /** Of apps that were told of an ended session, or given up. */
  logouts: number
  events: number
  /** Of removed or renamed people and clients, where the audit log tells of them no longer. */
  formerNames: number
}

export interface HousekeepingOptions extends BatchOptions {
  /** How long entries of the audit log are kept. */
  eventRetentionSeconds: number
}

/** Removes what has expired at `now` and says how much of it. Any number of nodes may do so at once. */
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

/** Rows that wait to be removed, counted up to a limit: for the gauge of the backlog. */
export async function countExpired(db: Queryable, now: Date, most = 100_000): Promise<number> {
  const { rows } = await db.query<{ expired: string }>({
    name: 'count-expired-artifacts',
    text: 'select count(*) as expired from (select from artifacts where expires_at <= $1 limit $2) as waiting',
    values: [now, most],
  })
  return Number(rows[0]?.expired ?? 0)
}
