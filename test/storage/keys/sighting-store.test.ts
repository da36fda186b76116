import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { Keyring } from '../../../src/keyring/keyring.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresKeyStore } from '../../../src/storage/keys/key-store.ts'
import { PostgresSightingStore } from '../../../src/storage/keys/sighting-store.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { CheapVault } from '../../keyring/cheap-vault.ts'
import { times } from '../../keyring/sample-key.ts'

let database: TestDatabase
let db: Database
let store: PostgresSightingStore
let keyring: Keyring
let kid: string

beforeAll(async () => {
  database = await freshDatabase()
  db = openDatabase({ url: database.url })
  store = new PostgresSightingStore(db)
  const needs = { store: new PostgresKeyStore(db), vault: new CheapVault(), times, algorithms: ['ES256'] }
  keyring = new Keyring({ ...needs, audit: { write: () => {} } })
  await keyring.ensureKeys()
  kid = (await keyring.list())[0]?.kid as string
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

test('sightings of many nodes add up', async () => {
  await db.query(`insert into clients (id, name, preset) values ('orders', 'Orders', 'service')`)
  const one = { kid, verifier: 'orders', fetches: 2 }
  await Promise.all(Array.from({ length: 10 }, () => store.add([one, { ...one, verifier: '' }, one])))
  expect(await store.read()).toMatchObject([
    { kid, verifier: '', fetches: 20 },
    { kid, verifier: 'orders', fetches: 40 },
  ])
})

test('names that no client and no API has count as nobody: strangers fill no table', async () => {
  await db.query(`insert into apis (audience) values ('https://api.example')`)
  const before = (await store.read()).find(({ verifier }) => verifier === '')?.fetches ?? 0
  await store.add(
    ['https://api.example', 'stranger-1', 'stranger-2'].map((verifier) => ({ kid, verifier, fetches: 1 })),
  )
  const after = await store.read()
  expect(after.map(({ verifier }) => verifier)).toEqual(['', 'https://api.example', 'orders'])
  expect(after[0]?.fetches).toBe(before + 2)
})

test('the first miss of a verifier that is known is told once, of racing nodes by one', async () => {
  const miss = { kid, verifier: 'orders', fetches: 1, misses: 1 }
  const told = await Promise.all(Array.from({ length: 10 }, () => store.add([miss, { ...miss, verifier: 'stranger' }])))
  expect(told.flat()).toEqual([{ kid, verifier: 'orders' }])
  const { misses, missedAt } = (await store.read()).find(({ verifier }) => verifier === 'orders') ?? {}
  expect([misses, missedAt]).toEqual([10, expect.any(Date)])
})

test('a key that left the JWKS is forgotten, and what comes late for it is passed over', async () => {
  await keyring.revoke(kid, { compromised: true })
  expect(await store.read()).toEqual([])
  await store.add([
    { kid, verifier: '', fetches: 1 },
    { kid: 'never heard of', verifier: '', fetches: 1 },
  ])
  expect(await store.read()).toEqual([])
})
