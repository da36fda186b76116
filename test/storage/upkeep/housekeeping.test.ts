import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { connectDirectly, type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { exclusively } from '../../../src/storage/connection/exclusively.ts'
import { countExpired, removeExpired } from '../../../src/storage/upkeep/housekeeping.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'

let place: TestDatabase
let db: Database
const now = new Date('2030-01-01T00:00:00Z')
const options = { eventRetentionSeconds: 400 * 86_400 }

beforeEach(async () => {
  place = await freshDatabase()
  db = openDatabase({ url: place.url })
})

afterEach(async () => {
  await db.close()
  await place.drop()
})

const addArtifacts = (count: number, expiresAt: string) =>
  db.query(
    `insert into artifacts (model, id, payload, expires_at)
     select 4, sha256(($2::text || n)::bytea), '{}', $2::timestamptz from generate_series(1, $1::int) as n`,
    [count, expiresAt],
  )

const count = async (table: string) =>
  (await db.query<{ n: number }>(`select count(*)::int as n from ${table}`)).rows[0]?.n

/** Of the index that tells what is due. */
async function entriesRead(): Promise<number> {
  await db.query('select pg_stat_force_next_flush()')
  const { rows } = await db.query<{ read: string }>(
    `select idx_tup_read as read from pg_stat_user_indexes where indexrelname = 'artifacts_by_expiry'`,
  )
  return Number(rows[0]?.read)
}

test('what has expired goes, what has not stays, to the instant', async () => {
  await addArtifacts(3, '2030-01-01T00:00:00Z')
  await addArtifacts(2, '2030-01-01T00:00:01Z')
  await db.query(
    `insert into sign_in_attempts (key, failures, last_failure_at, blocked_until, expires_at)
     values ('\\x01', 1, $1, $1, $1), ('\\x02', 1, $1, $1, $1::timestamptz + interval '1 hour')`,
    [now],
  )
  await db.query(
    `insert into events (at, kind, actor) values ($1::timestamptz - interval '401 days', 'a', 'b'), ($1::timestamptz - interval '399 days', 'a', 'b')`,
    [now],
  )
  await db.query(
    `insert into former_names (id, until) values ('a', $1::timestamptz - interval '401 days'), ('a', $1::timestamptz - interval '399 days')`,
    [now],
  )
  await db.query(
    `insert into logout_deliveries (client_id, account_id, sid, session_uid, uri, alg, names_session, settled_at, outcome)
     select 'shop', 'acc_ada', 's', 'u', 'https://shop.example', 'ES256', true, settled_at, outcome
       from (values ($1::timestamptz - interval '8 days', 'delivered'), ($1::timestamptz - interval '6 days', 'failed'),
                    (null, null)) as told (settled_at, outcome)`,
    [now],
  )
  expect(await countExpired(db, now)).toBe(3)
  expect(await removeExpired(db, now, options)).toEqual({
    artifacts: 3,
    attempts: 1,
    logouts: 1,
    events: 1,
    formerNames: 1,
  })
  expect([await count('artifacts'), await count('sign_in_attempts'), await count('events')]).toEqual([2, 1, 1])
  expect(await count('logout_deliveries')).toBe(2)
  expect(await removeExpired(db, now, options)).toEqual({
    artifacts: 0,
    attempts: 0,
    logouts: 0,
    events: 0,
    formerNames: 0,
  })
})

test('many go in batches, and a limit leaves the rest to the next round', async () => {
  await addArtifacts(25, '2029-01-01T00:00:00Z')
  expect(await removeExpired(db, now, { ...options, batch: 10, mostBatches: 2 })).toMatchObject({ artifacts: 20 })
  expect(await removeExpired(db, now, { ...options, batch: 10 })).toMatchObject({ artifacts: 5 })
})

test('between two batches the database belongs to the others, ten times as long as a batch took', async () => {
  await addArtifacts(25, '2029-01-01T00:00:00Z')
  const pauses: number[] = []
  const pause = async (milliseconds: number) => pauses.push(milliseconds)
  const started = performance.now()
  expect(await removeExpired(db, now, { ...options, batch: 10, pause })).toMatchObject({ artifacts: 25 })
  const took = performance.now() - started
  // Not after the last one, which found fewer rows than it might have taken; nor where there is nothing to do.
  expect(pauses).toHaveLength(2)
  for (const each of pauses) expect(each).toBeGreaterThan(0)
  expect(pauses.reduce((sum, each) => sum + each, 0)).toBeLessThanOrEqual(10 * took)
})

test('no batch reads again what those before it removed, not even while a dump keeps all of it', async () => {
  const total = 4_000
  for (let second = 0; second < 40; second += 1) await addArtifacts(total / 40, `2029-01-01T00:00:${second}Z`)
  await db.query('analyze artifacts')
  const dump = await connectDirectly({ url: place.url })
  await dump.query('begin isolation level repeatable read')
  await dump.query('select from artifacts limit 1')
  const before = await entriesRead()
  expect(await removeExpired(db, now, { ...options, batch: 100, pause: async () => {} })).toMatchObject({
    artifacts: total,
  })
  expect((await entriesRead()) - before).toBeLessThan(3 * total)
  await dump.end()
})

test('a row that somebody holds is passed over and does not hold up the others', async () => {
  await addArtifacts(5, '2029-01-01T00:00:00Z')
  await db.transaction(async (client) => {
    await client.query('select from artifacts limit 1 for update')
    expect(await removeExpired(db, now, options)).toMatchObject({ artifacts: 4 })
  })
  expect(await removeExpired(db, now, options)).toMatchObject({ artifacts: 1 })
})

test('nodes that clean at the same time share the work', async () => {
  await addArtifacts(500, '2029-01-01T00:00:00Z')
  const removed = await Promise.all(Array.from({ length: 8 }, () => removeExpired(db, now, { ...options, batch: 20 })))
  expect(removed.reduce((sum, one) => sum + one.artifacts, 0)).toBe(500)
  expect(await count('artifacts')).toBe(0)
})

test('work under a name is done by one node at a time', async () => {
  let atWork = 0
  let most = 0
  const outcomes = await Promise.all(
    Array.from({ length: 5 }, () =>
      exclusively(db, 'sweep', async () => {
        atWork += 1
        most = Math.max(most, atWork)
        await new Promise((resolve) => setTimeout(resolve, 200))
        atWork -= 1
      }),
    ),
  )
  expect(most).toBe(1)
  expect(outcomes).toContain(true)
  expect(await exclusively(db, 'sweep', async () => {})).toBe(true)
})

test('work under a name holds no row back from vacuum, however long it takes', async () => {
  const snapshots = () =>
    db.query<{ query: string }>(
      `select query from pg_stat_activity
        where datname = current_database() and pid <> pg_backend_pid() and (backend_xmin is not null or backend_xid is not null)`,
    )
  await exclusively(db, 'sweep', async () => {
    await db.query('select')
    expect((await snapshots()).rows).toEqual([])
  })
})

test('a failure of the work frees the name', async () => {
  const boom = new Error('boom')
  await expect(exclusively(db, 'sweep', () => Promise.reject(boom))).rejects.toBe(boom)
  expect(await exclusively(db, 'sweep', async () => {})).toBe(true)
})
