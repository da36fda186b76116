import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { DeploymentSecrets } from '../../../src/keyring/deployment-secrets.ts'
import { Envelope, fingerprintOf } from '../../../src/keyring/envelope.ts'
import { LocalKeyVault } from '../../../src/keyring/key-vault.ts'
import { Keyring } from '../../../src/keyring/keyring.ts'
import { rewrap } from '../../../src/keyring/rewrap.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresKeyStore } from '../../../src/storage/keys/key-store.ts'
import { PostgresSecretStore } from '../../../src/storage/keys/secret-store.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { times } from '../../keyring/sample-key.ts'
import { forgetKeys } from '../age-keys.ts'

let database: TestDatabase
let db: Database
let keks: Uint8Array[]
let store: PostgresSecretStore
let secrets: DeploymentSecrets
let keyring: Keyring

beforeAll(async () => {
  database = await freshDatabase()
  db = openDatabase({ url: database.url })
  store = new PostgresSecretStore(db)
})

afterAll(async () => {
  await db.close()
  await database.drop()
})

const nodeWith = async (readKeks: () => Uint8Array[]) => {
  const envelope = await Envelope.open(readKeks)
  const vault = new LocalKeyVault(envelope)
  const keyStore = new PostgresKeyStore(db)
  return {
    secrets: new DeploymentSecrets({ store, envelope }),
    keyring: new Keyring({ store: keyStore, vault, times, algorithms: ['ES256'], audit: { write: () => {} } }),
  }
}

beforeEach(async () => {
  await forgetKeys(db)
  keks = [randomBytes(32)]
  ;({ secrets, keyring } = await nodeWith(() => keks))
})

describe('secrets on Postgres', () => {
  test('ten nodes that need the first at once get the same', async () => {
    const all = await Promise.all(Array.from({ length: 10 }, () => secrets.secret('csrf')))
    expect(new Set(all.map((secret) => Buffer.from(secret).toString('hex'))).size).toBe(1)
  })

  test('are listed newest first, and the newest is never forgotten', async () => {
    await secrets.secret('cookie')
    await secrets.renew('cookie')
    await store.forget('cookie', 2)
    expect((await store.list('cookie')).secrets.map(({ generation }) => generation)).toEqual([2, 1])
    await store.forget('cookie', 1)
    expect((await store.list('cookie')).secrets.map(({ generation }) => generation)).toEqual([2])
  })

  test('nothing readable rests in the database', async () => {
    const secret = Buffer.from(await secrets.secret('csrf'))
    const { rows } = await db.query<{ dump: string }>('select json_agg(secrets)::text as dump from secrets')
    expect(rows[0]?.dump).not.toContain(secret.toString('base64url'))
  })
})

describe('changing the key-encryption key', () => {
  let newKek: Buffer

  beforeEach(async () => {
    newKek = randomBytes(32)
    await keyring.ensureKeys()
  })

  test('re-wraps every key and secret, and what they open to stays the same', async () => {
    const secret = await secrets.secret('csrf')
    const [kek] = keks as [Uint8Array]
    expect(await rewrap(store, [kek], newKek)).toEqual({ rows: 3, fingerprint: fingerprintOf(newKek) })
    expect(await store.countByFingerprint()).toEqual([{ fingerprint: fingerprintOf(newKek), rows: 3 }])
    const node = await nodeWith(() => [newKek])
    await node.keyring.ensureKeys()
    expect(await node.secrets.secret('csrf')).toEqual(secret)
  })

  test('a running node goes on when the new key lies where it reads it from', async () => {
    const [kek] = keks as [Uint8Array]
    await rewrap(store, [kek], newKek)
    keks = [newKek, kek]
    await keyring.ensureKeys()
    await keyring.rotate({ now: true })
    expect(await store.countByFingerprint()).toEqual([{ fingerprint: fingerprintOf(newKek), rows: 3 }])
  })

  test('a running node that missed it adds no key under the old one', async () => {
    const [kek] = keks as [Uint8Array]
    await rewrap(store, [kek], newKek)
    await expect(keyring.rotate({ now: true })).rejects.toMatchObject({ code: 'key_encryption_key_outdated' })
    await expect(secrets.renew('cookie')).rejects.toMatchObject({ code: 'key_encryption_key_outdated' })
  })

  test('with a wrong old key nothing is changed', async () => {
    const before = await store.countByFingerprint()
    await expect(rewrap(store, [randomBytes(32)], newKek)).rejects.toMatchObject({ code: 'key_encryption_key_wrong' })
    expect(await store.countByFingerprint()).toEqual(before)
  })

  test('that fails half way leaves everything under the old one', async () => {
    const [kek] = keks as [Uint8Array]
    await db.query(`update signing_keys set private_jwe = 'damaged' where state = 'pending'`)
    await secrets.secret('csrf')
    const before = await store.countByFingerprint()
    await expect(rewrap(store, [kek], newKek)).rejects.toMatchObject({ code: 'sealed_secret_damaged' })
    expect(await store.countByFingerprint()).toEqual(before)
  })

  test('to the one in use is refused', async () => {
    const [kek] = keks as [Uint8Array]
    await expect(rewrap(store, [kek], kek)).rejects.toMatchObject({ code: 'key_encryption_key_unchanged' })
  })

  test('said again after a lost answer changes nothing', async () => {
    const [kek] = keks as [Uint8Array]
    await rewrap(store, [kek], newKek)
    await rewrap(store, [kek], newKek)
    expect(await store.countByFingerprint()).toEqual([{ fingerprint: fingerprintOf(newKek), rows: 2 }])
  })
})

test('a start with the wrong key-encryption key names it and changes nothing', async () => {
  await keyring.ensureKeys()
  const before = await db.query('select * from signing_keys order by kid')
  const node = await nodeWith(() => [randomBytes(32)])
  await expect(node.keyring.ensureKeys()).rejects.toThrow(fingerprintOf(keks[0] as Uint8Array))
  expect((await db.query('select * from signing_keys order by kid')).rows).toEqual(before.rows)
})
