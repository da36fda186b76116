import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import type { ApiStore } from '../../../src/clients/client-store.ts'
import { changedApi, newApi } from '../../../src/clients/new-api.ts'
import { newClient } from '../../../src/clients/new-client.ts'
import { PostgresApiStore } from '../../../src/storage/apps/api-store.ts'
import { PostgresClientStore } from '../../../src/storage/apps/client-store.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { freshDatabase } from '../../harness/database.ts'

let db: Database
let apis: ApiStore
const orders = newApi({
  audience: 'https://orders.example',
  name: 'Orders',
  scopes: ['orders:read', 'orders:write', '__proto__'],
  scopeTexts: Object.fromEntries([
    ['orders:read', 'Read your orders'],
    ['__proto__', 'A text'],
  ]),
  ttlSeconds: 300,
  alg: 'RS256',
})

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url, poolSize: 3 })
  apis = new PostgresApiStore(db)
})
beforeEach(() => db.query('truncate clients, apis cascade'))
afterAll(() => db.close())

test('an API comes back as it was given', async () => {
  const kept = await apis.insert(orders)
  expect(kept).toMatchObject(orders)
  expect(await apis.find('https://orders.example')).toEqual(kept)
})

test('an API without a lifetime of its own has none', async () => {
  await apis.insert(newApi({ audience: 'urn:example:plain' }))
  expect((await apis.find('urn:example:plain'))?.ttlSeconds).toBeUndefined()
})

test('APIs are listed in order of creation', async () => {
  await apis.insert(orders)
  await apis.insert(newApi({ audience: 'https://a.example' }))
  expect((await apis.list()).map(({ audience }) => audience)).toEqual(['https://orders.example', 'https://a.example'])
})

test('an audience is taken once', async () => {
  await apis.insert(orders)
  await expect(apis.insert({ ...orders, scopes: [] })).rejects.toMatchObject({ code: 'api_exists', kind: 'conflict' })
})

test('a change of an API leaves its clients registered for it', async () => {
  await apis.insert(orders)
  const clients = new PostgresClientStore(db)
  await clients.insert(newClient({ preset: 'service', name: 'Job', id: 'job', apis: [orders.audience] }))
  const changed = await apis.update(orders.audience, (api) =>
    changedApi(api, { name: 'Shop', scopes: ['orders:read', 'orders:admin'], ttlSeconds: 60 }),
  )
  expect(changed).toMatchObject({
    name: 'Shop',
    scopes: ['orders:read', 'orders:admin'],
    scopeTexts: { 'orders:read': 'Read your orders' },
    ttlSeconds: 60,
  })
  expect(await apis.find(orders.audience)).toEqual(changed)
  expect((await clients.find('job'))?.apis).toEqual([orders.audience])
})

test('of changes at the same moment none is lost', async () => {
  await apis.insert(newApi({ audience: orders.audience }))
  const add = (scope: string) =>
    apis.update(orders.audience, (api) => changedApi(api, { scopes: [...api.scopes, scope] }))
  await Promise.all(['a', 'b', 'c', 'd', 'e', 'f'].map(add))
  expect((await apis.find(orders.audience))?.scopes.toSorted()).toEqual(['a', 'b', 'c', 'd', 'e', 'f'])
})

test('an API that does not exist cannot be changed', async () => {
  await expect(apis.update(orders.audience, (api) => api)).rejects.toMatchObject({ code: 'api_missing' })
})

test('an API that clients use stays, and they are named', async () => {
  await apis.insert(orders)
  await new PostgresClientStore(db).insert(
    newClient({ preset: 'service', name: 'Job', id: 'job', apis: [orders.audience] }),
  )
  await expect(apis.remove(orders.audience)).rejects.toMatchObject({
    code: 'api_in_use',
    kind: 'conflict',
    message: expect.stringContaining('job'),
    detail: { clients: ['job'] },
  })
})

test('an API that nobody uses can be removed, once', async () => {
  await apis.insert(orders)
  await apis.remove(orders.audience)
  expect(await apis.find(orders.audience)).toBeUndefined()
  await expect(apis.remove(orders.audience)).rejects.toMatchObject({ code: 'api_missing', kind: 'missing' })
})

test('a client cannot be registered for an API that is removed at the same moment', async () => {
  const clients = new PostgresClientStore(db)
  for (let round = 0; round < 10; round += 1) {
    const audience = `urn:example:race-${round}`
    await apis.insert(newApi({ audience }))
    const client = newClient({ preset: 'service', name: 'Job', id: `job-${round}`, apis: [audience] })
    const [added, removed] = await Promise.allSettled([clients.insert(client), apis.remove(audience)])
    expect([added.status, removed.status].filter((status) => status === 'fulfilled')).toHaveLength(1)
  }
})

test.each(['', '\u0000', 'https://orders.example/\u0000', 'x'.repeat(10_000)])('%j is no API', async (audience) => {
  expect(await apis.find(audience)).toBeUndefined()
  await expect(apis.remove(audience)).rejects.toMatchObject({ code: 'api_missing' })
})
