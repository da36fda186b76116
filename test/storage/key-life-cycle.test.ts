import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Keyring } from '../../src/keyring/keyring.ts'
import { type Database, openDatabase } from '../../src/storage/connection/database.ts'
import { PostgresKeyStore } from '../../src/storage/keys/key-store.ts'
import { freshDatabase, type TestDatabase } from '../harness/database.ts'
import { CheapVault } from '../keyring/cheap-vault.ts'
import { playLifeCycle } from '../keyring/life-cycle.game.ts'
import { DAY, times } from '../keyring/sample-key.ts'
import { ageKeys, forgetKeys } from './age-keys.ts'

let database: TestDatabase
let db: Database
const nodes: Database[] = []

beforeAll(async () => {
  database = await freshDatabase()
  db = openDatabase({ url: database.url })
  await db.query(`insert into clients (id, name, preset) values ('shop', 'Shop', 'spa'), ('till', 'Till', 'service')`)
})

afterAll(async () => {
  await Promise.all([db, ...nodes].map((one) => one.close()))
  await database.drop()
})

const keyringOn = (connection: Database) =>
  new Keyring({
    store: new PostgresKeyStore(connection),
    vault: new CheapVault(),
    times,
    algorithms: ['ES256', 'RS256'],
    audit: { write: () => {} },
  })

/** As many nodes as asked for, each with its own connection, all having asked once. */
async function connectedNodes(count: number): Promise<Keyring[]> {
  while (nodes.length < count) nodes.push(openDatabase({ url: database.url, poolSize: 1 }))
  await Promise.all(nodes.map((node) => node.query('select')))
  return nodes.slice(0, count).map(keyringOn)
}

const countKeys = async () => {
  const { rows } = await db.query<{ alg: string; state: string; count: number }>(
    'select alg, state::text, count(*)::int as count from signing_keys group by alg, state order by alg, state',
  )
  return rows.map(({ alg, state, count }) => `${count} ${state} ${alg}`)
}

test('the life cycle holds on Postgres as it does in memory', async () => {
  const empty = async () => {
    await forgetKeys(db)
    return { store: new PostgresKeyStore(db), advance: (seconds: number) => ageKeys(db, seconds) }
  }
  await expect(playLifeCycle(empty, { games: 12, moves: 40 })).resolves.toBeUndefined()
})

test('ten nodes that start at once on an empty database make one set of keys', async () => {
  await forgetKeys(db)
  await Promise.all((await connectedNodes(10)).map((node) => node.ensureKeys()))
  expect(await countKeys()).toEqual(['1 active ES256', '1 pending ES256', '1 active RS256', '1 pending RS256'])
})

test('ten nodes that reach the due time at once make one new key an algorithm', async () => {
  await forgetKeys(db)
  const keyrings = await connectedNodes(10)
  await keyringOn(db).ensureKeys()
  await ageKeys(db, 31 * DAY)
  const done = await Promise.all(keyrings.map((node) => node.runDueStep()))
  expect(done.filter((steps) => steps.length > 0)).toHaveLength(1)
  expect(await countKeys()).toEqual([
    '1 active ES256',
    '1 pending ES256',
    '1 retired ES256',
    '1 active RS256',
    '1 pending RS256',
    '1 retired RS256',
  ])
})

test('a schedule missed for a year is caught up by one rotation', async () => {
  await forgetKeys(db)
  const keyring = keyringOn(db)
  await keyring.ensureKeys()
  await ageKeys(db, 365 * DAY)
  await keyring.runDueStep()
  expect(await keyring.runDueStep()).toEqual([])
  expect(await countKeys()).toContain('1 retired ES256')
})

test('a node killed while it rotates leaves the keys as they were, and the next one rotates', async () => {
  await forgetKeys(db)
  const keyring = keyringOn(db)
  await keyring.ensureKeys()
  await ageKeys(db, 31 * DAY)
  const before = await countKeys()
  const doomed = openDatabase({ url: database.url, poolSize: 1 })
  const half = new PostgresKeyStore(doomed).change('wait', async (ledger) => {
    const active = ledger.keys.find(({ state }) => state === 'active')
    await ledger.update(active?.kid ?? '', {
      state: 'retired',
      retiredAt: ledger.now,
      removableAt: new Date(Number(ledger.now) + 1000),
    })
    // What a kill -9 of the process is to the server: the connection ends in the middle.
    await db.query(
      `select pg_terminate_backend(pid, 5000) from pg_stat_activity where state like 'idle in transaction%' and datname = current_database()`,
    )
    await ledger.update(active?.kid ?? '', { reason: 'never written' })
  })
  await expect(half).rejects.toMatchObject({ code: 'database_unavailable' })
  await doomed.close()
  expect(await countKeys()).toEqual(before)
  expect(await keyring.runDueStep()).not.toEqual([])
})
