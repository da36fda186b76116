import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { SigningKey } from '../../../src/keyring/signing-key.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresKeyStore } from '../../../src/storage/keys/key-store.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { describeKeyStore } from '../../keyring/key-store.contract.ts'
import { sampleKey } from '../../keyring/sample-key.ts'
import { ageKeys, forgetKeys } from '../age-keys.ts'

let database: TestDatabase
let db: Database

beforeAll(async () => {
  database = await freshDatabase()
  db = openDatabase({ url: database.url })
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

describeKeyStore('keys on Postgres', async () => {
  await forgetKeys(db)
  return { store: new PostgresKeyStore(db), advance: (seconds) => ageKeys(db, seconds) }
})

describe('the database itself', () => {
  const begin = async () => {
    await forgetKeys(db)
    await new PostgresKeyStore(db).change('wait', async (ledger) => {
      await ledger.insert(sampleKey('first', ledger.now, { state: 'active', reason: 'first key' }))
      await ledger.insert(sampleKey('next', ledger.now))
    })
  }

  test.each(['delete from signing_keys', 'truncate signing_keys cascade'])(
    'refuses `%s`: keys are history',
    async (sql) => {
      await begin()
      await expect(db.query(sql)).rejects.toMatchObject({ code: 'KEY06' })
    },
  )

  test('refuses a private member in what is published', async () => {
    await begin()
    const store = new PostgresKeyStore(db)
    const leaking = store.change('wait', async (ledger) => {
      const key = sampleKey('leak', ledger.now, { alg: 'RS256' })
      await ledger.insert({ ...key, publicJwk: { ...key.publicJwk, d: 'secret' } })
    })
    await expect(leaking).rejects.toMatchObject({ detail: { law: 'signing_key_shows_no_private_member' } })
  })

  test('tells every node of a change, with the commit and not before', async () => {
    await begin()
    const version = async () =>
      (await db.query<{ version: string }>(`select version from change_counters where topic = 'keys'`)).rows[0]?.version
    const before = await version()
    await new PostgresKeyStore(db).change('wait', async (ledger) => {
      await ledger.update('next', { promoteAt: ledger.now })
      expect(await version()).toBe(before)
    })
    expect(await version()).not.toBe(before)
  })

  test('what else becomes void with a revoked key is written in the same transaction', async () => {
    await begin()
    const seen: [string, Date][] = []
    const store = new PostgresKeyStore(db, {
      onRevoked: async (transaction, key: SigningKey, at) => {
        seen.push([key.kid, at])
        await transaction.query(`insert into events (kind, actor) values ('probe', 'test')`)
      },
    })
    const half = store.change('wait', (ledger) =>
      ledger.update('first', { state: 'revoked', sealed: null, revokedAt: ledger.now, reason: 'emergency: x' }),
    )
    // Refused at commit, since no standby took over: the entry goes with the rest.
    await expect(half).rejects.toMatchObject({ detail: { law: 'KEY07' } })
    expect(seen).toHaveLength(1)
    expect((await db.query(`select from events where kind = 'probe'`)).rowCount).toBe(0)
  })
})
