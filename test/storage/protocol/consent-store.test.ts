import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import type { ConsentChange } from '../../../src/oidc/model-store.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresConsentStore } from '../../../src/storage/protocol/consent-store.ts'
import { PostgresModelStore } from '../../../src/storage/protocol/model-store.ts'
import { freshDatabase } from '../../harness/database.ts'

let db: Database
let fresh: Awaited<ReturnType<typeof freshDatabase>>
let consents: PostgresConsentStore
let models: PostgresModelStore
let revoked = 0

beforeAll(async () => {
  fresh = await freshDatabase()
  db = openDatabase({ url: fresh.url })
  consents = new PostgresConsentStore(db, () => {
    revoked += 1
  })
  models = new PostgresModelStore(db)
})
beforeEach(async () => {
  await db.query('truncate accounts, clients, artifacts cascade')
  for (const id of ['ada', 'bob']) await db.query('insert into accounts (id, login, email) values ($1, $1, $1)', [id])
  for (const id of ['shop', 'mail'])
    await db.query("insert into clients (id, name, preset) values ($1, $1, 'spa')", [id])
  revoked = 0
})
afterAll(async () => {
  await db.close()
  await fresh.drop()
})

const allowed = { scopes: ['openid'], claims: ['name'], apis: { 'https://a.example': ['read'] } }
const shop = { accountId: 'ada', clientId: 'shop' }

/** A grant that lands with an answer, as a sign-in makes it. */
function land(consent: ConsentChange, grantId = randomBytes(8).toString('hex')): Promise<boolean> {
  const payload = { accountId: consent.accountId, clientId: consent.clientId }
  const expiresAt = Math.floor(Date.now() / 1000) + 600
  const upserts = [{ model: 'Grant' as const, id: grantId, payload, expiresAt }]
  return models.commit({ upserts, consumes: [], destroys: [], revokedGrants: [], consent })
}
const grants = async () => (await db.query('select from artifacts where model = 3')).rowCount

describe('a remembered consent', () => {
  test('is found by person and app, with the day it was first given', async () => {
    expect(await land({ ...shop, allowed })).toBe(true)
    const found = await consents.find('ada', 'shop')
    expect(found).toEqual({ clientId: 'shop', access: allowed, allowedAt: expect.any(Date) })
    expect(await consents.find('bob', 'shop')).toBeUndefined()
    expect(await consents.find('ada', 'mail')).toBeUndefined()
  })

  test('grows by what is allowed later, and keeps its first day', async () => {
    await land({ ...shop, allowed })
    const { allowedAt } = (await consents.find('ada', 'shop')) ?? {}
    const more = {
      scopes: ['email', 'openid'],
      claims: [],
      apis: { 'https://a.example': ['write'], 'https://b.example': ['x'] },
    }
    await land({ ...shop, allowed: more })
    const found = await consents.find('ada', 'shop')
    expect(found?.allowedAt).toEqual(allowedAt)
    expect([...(found?.access.scopes ?? [])].sort()).toEqual(['email', 'openid'])
    expect(found?.access.claims).toEqual(['name'])
    expect(found?.access.apis).toEqual({ 'https://a.example': ['read', 'write'], 'https://b.example': ['x'] })
  })

  test('of an app without APIs stays so', async () => {
    await land({ ...shop, allowed: { scopes: ['openid'], claims: [], apis: {} } })
    await land({ ...shop, allowed: { scopes: ['openid'], claims: [], apis: {} } })
    expect((await consents.find('ada', 'shop'))?.access.apis).toEqual({})
  })

  test('is listed with all others of the person, the latest answer first', async () => {
    await land({ ...shop, allowed })
    await land({ ...shop, clientId: 'mail', allowed })
    await land({ accountId: 'bob', clientId: 'mail', allowed })
    await land({ ...shop, allowed })
    expect((await consents.list('ada')).map(({ clientId }) => clientId)).toEqual(['shop', 'mail'])
  })

  test('goes with its person and with its app', async () => {
    await land({ ...shop, allowed })
    await land({ accountId: 'bob', clientId: 'mail', allowed })
    await db.query("delete from accounts where id = 'ada'")
    await db.query("delete from clients where id = 'mail'")
    expect([...(await consents.list('ada')), ...(await consents.list('bob'))]).toEqual([])
  })
})

describe('withdrawing', () => {
  test('removes the answer with every grant of that person and app, and nothing else', async () => {
    await land({ ...shop, allowed })
    await land({ ...shop })
    await land({ ...shop, clientId: 'mail', allowed })
    await land({ accountId: 'bob', clientId: 'shop', allowed })
    expect(await consents.withdraw('ada', 'shop')).toBe(true)
    expect(await grants()).toBe(2)
    expect(await consents.find('ada', 'shop')).toBeUndefined()
    expect([(await consents.list('ada')).length, (await consents.list('bob')).length]).toEqual([1, 1])
    expect(revoked).toBe(1)
  })
  test('of what was never allowed changes nothing and says so', async () => {
    expect(await consents.withdraw('ada', 'shop')).toBe(false)
    expect(await consents.withdraw('nobody', 'nothing')).toBe(false)
    expect(revoked).toBe(0)
  })
  test('comes before a sign-in that relies on the answer: nothing of it lands', async () => {
    await land({ ...shop, allowed })
    await consents.withdraw('ada', 'shop')
    expect(await land({ ...shop })).toBe(false)
    expect(await grants()).toBe(0)
  })
  test('races with sign-ins that rely on the answer: no grant outlives it', async () => {
    for (let round = 0; round < 30; round += 1) {
      await land({ ...shop, allowed })
      const results = await Promise.all([
        ...Array.from({ length: 4 }, () => land({ ...shop })),
        consents.withdraw('ada', 'shop'),
        ...Array.from({ length: 4 }, () => land({ ...shop })),
      ])
      expect(results).toContain(true)
      expect(await grants()).toBe(0)
    }
  })
})
