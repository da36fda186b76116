/** Connections prove that they lead to the primary: with few rights, when they hang, and while they are cut in bulk. */
import { afterEach, expect, test } from '@jest/globals'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PrimaryWatch, type WatchReport } from '../../../src/storage/connection/primary-watch.ts'
import { freshDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { askDatabase } from '../../harness/later.ts'
import { openDoor } from '../../harness/tcp-door.ts'

const ends: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end()
})

const silent: WatchReport = { moved() {}, cut() {}, unproven() {}, provenAgain() {} }

async function watched(url: string, report = silent): Promise<{ db: Database; watch: PrimaryWatch }> {
  const watch = new PrimaryWatch({ url }, 'the database of this test')
  const db = openDatabase({ url, primary: watch, poolSize: 4 })
  ends.push(
    () => db.close(),
    () => watch.stop(),
  )
  await watch.start(report)
  return { db, watch }
}

/** The same database through a TCP port. */
async function throughDoor(url: string) {
  const inside = new URL(url)
  const to = { path: `${inside.searchParams.get('host')}/.s.PGSQL.${inside.port || 5432}` }
  const door = await openDoor(to)
  ends.push(() => door.close())
  const outside = new URL(url)
  outside.search = '?sslmode=disable'
  outside.host = `127.0.0.1:${door.port}`
  return { door, url: outside.href, to }
}

const one = { name: 'one', text: 'select 1 as one' }

test('a role that may only read and write rows, without pg_control_system, proves its connections and settles the feed', async () => {
  const { url } = await freshDatabase()
  const role = `few_${Date.now()}`
  await askDatabase(
    url,
    `create role ${role} login;
     grant select, insert, update, delete on all tables in schema public to ${role};
     revoke execute on function pg_control_system() from public;
     revoke execute on function pg_control_checkpoint() from public`,
  )
  ends.push(() => askDatabase(url, `drop owned by ${role}; drop role ${role}`))
  const own = new URL(url)
  own.username = role
  const { db, watch } = await watched(own.href)
  expect(watch.isProven).toBe(true)
  expect((await db.lookUp<{ one: number }>(one)).rows).toEqual([{ one: 1 }])
  await db.query('select settle_revocation_feed()')
  // The timeline is known all the same, so that a promoted standby draws a new epoch.
  const [feed] = await askDatabase<{ place: string }>(url, 'select place from revocation_feeds')
  expect(feed?.place).toMatch(/^1\/\d+\/\d+$/)
})

test('a shared connection that hangs while new ones are answered is cut, and the next question is answered', async () => {
  const { door, url, to } = await throughDoor((await freshDatabase()).url)
  const cut: string[] = []
  const { db } = await watched(url, { ...silent, cut: (name) => void cut.push(name) })
  await db.lookUp(one)
  door.freeze()
  door.lead(to)
  const hanging = expect(db.lookUp(one)).rejects.toMatchObject({ code: 'database_unavailable' })
  await hanging
  expect(cut).toContain('claviger')
  expect((await db.lookUp(one)).rows).toEqual([{ one: 1 }])
})

test('when no new connection is answered nothing is proven: every query is refused at once, and then works again', async () => {
  const { door, url, to } = await throughDoor((await freshDatabase()).url)
  const { db, watch } = await watched(url)
  await db.query('select 1')
  door.freeze()
  expect(await eventually(() => !watch.isProven || undefined, { tries: 400 })).toBe(true)
  await expect(db.query('select 1')).rejects.toMatchObject({ code: 'database_unproven', kind: 'unavailable' })
  await expect(db.lookUp(one)).rejects.toMatchObject({ code: 'database_unproven' })
  await expect(db.transaction(async () => 1)).rejects.toMatchObject({ code: 'database_unproven' })
  door.lead(to)
  expect(await eventually(() => watch.isProven || undefined, { tries: 400 })).toBe(true)
  expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
})

test('connections cut in bulk, while they open and while they answer, fail their queries and nothing else', async () => {
  const { db, watch } = await watched((await freshDatabase()).url)
  const outcomes: unknown[] = []
  for (let round = 0; round < 60; round += 1) {
    const asked = [db.query('select 1'), db.lookUp(one), db.transaction((client) => client.query('select 1'))]
    // At another moment of connecting, admitting and answering in each round.
    for (let turns = 0; turns < round; turns += 1) await new Promise(setImmediate)
    db.cut()
    outcomes.push(
      ...(await Promise.allSettled(asked)).map((one) => (one.status === 'rejected' ? one.reason.code : 'done')),
    )
  }
  expect(outcomes.filter((outcome) => outcome !== 'done' && outcome !== 'database_unavailable')).toEqual([])
  expect(outcomes).toContain('database_unavailable')
  expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  expect(watch.isProven).toBe(true)
})
