/** Rows that have served their time leave in small batches, so that nobody waits for them and the log stays short. */
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
}

/** Removes what has expired at `now` and says how much of it. Any number of nodes may do so at once. */
export async function removeExpired(db: Queryable, now: Date, options: HousekeepingOptions): Promise<Removed> {
  const eventsBefore = new Date(now.getTime() - options.eventRetentionSeconds * 1000)
  return {
    artifacts: await inBatches(db, artifactBatch, now, options),
    attempts: await inBatches(db, attemptBatch, now, options),
    logouts: await inBatches(db, logoutBatch, new Date(now.getTime() - logoutRetentionSeconds * 1000), options),
    events: await inBatches(db, eventBatch, eventsBefore, options),
  }
}

// `skip locked`: a row that a request is just using, or another node is just removing, is left to the next round.
const artifactBatch = {
  name: 'remove-expired-artifacts',
  text: `delete from artifacts
          where ctid = any (array(
            select ctid from artifacts where expires_at <= $1 order by expires_at limit $2 for update skip locked))
            and expires_at <= $1`,
}

const attemptBatch = {
  name: 'remove-expired-attempts',
  text: `delete from sign_in_attempts
          where ctid = any (array(
            select ctid from sign_in_attempts where expires_at <= $1 order by expires_at limit $2 for update skip locked))
            and expires_at <= $1`,
}

/** So long `sessions show` tells how it went; the audit log tells it for longer. */
const logoutRetentionSeconds = 7 * 86_400

const logoutBatch = {
  name: 'remove-settled-logouts',
  text: `delete from logout_deliveries
          where ctid = any (array(
            select ctid from logout_deliveries where settled_at <= $1 order by settled_at limit $2 for update skip locked))
            and settled_at <= $1`,
}

const eventBatch = {
  name: 'remove-old-events',
  text: `delete from events
          where ctid = any (array(
            select ctid from events where at < $1 order by at limit $2 for update skip locked))
            and at < $1`,
}

async function inBatches(
  db: Queryable,
  statement: { name: string; text: string },
  before: Date,
  { batch = 1_000, mostBatches = 1_000 }: HousekeepingOptions,
): Promise<number> {
  let removed = 0
  for (let round = 0; round < mostBatches; round += 1) {
    const { rowCount } = await db.query({ ...statement, values: [before, batch] })
    removed += rowCount ?? 0
    if ((rowCount ?? 0) < batch) break
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
