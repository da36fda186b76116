import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { digestOfSecret, isClientSecret } from '../../../src/clients/client-secret.ts'
import type { ClientStore } from '../../../src/clients/client-store.ts'
import { newApi } from '../../../src/clients/new-api.ts'
import { changedClient, newClient } from '../../../src/clients/new-client.ts'
import { PostgresApiStore } from '../../../src/storage/apps/api-store.ts'
import { PostgresClientStore } from '../../../src/storage/apps/client-store.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { artifactModels } from '../../../src/storage/protocol/artifact-models.ts'
import { ownSecret } from '../../clients/clients.ts'
import { freshDatabase } from '../../harness/database.ts'

let db: Database
let clients: ClientStore

const apis = ['https://a.example', 'https://b.example', 'https://c.example']
const spa = newClient({
  preset: 'spa',
  name: 'Orders',
  id: 'orders',
  redirectUris: ['https://app.example/cb'],
  postLogoutRedirectUris: ['https://app.example'],
  origins: ['https://admin.example'],
  startUri: 'https://app.example/start',
  apis: ['https://b.example', 'https://a.example'],
  firstParty: true,
})
const web = newClient({
  preset: 'web',
  name: 'Shop',
  id: 'shop',
  redirectUris: ['https://shop.example/cb'],
  secret: ownSecret,
})

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url, poolSize: 5 })
  clients = new PostgresClientStore(db)
})
beforeEach(async () => {
  await db.query('truncate clients, apis, artifacts cascade')
  for (const audience of apis) await new PostgresApiStore(db).insert(newApi({ audience }))
})
afterAll(() => db.close())

describe('a client is kept as it was given', () => {
  test('every field comes back, APIs in their order', async () => {
    const kept = await clients.insert(spa)
    expect(kept).toMatchObject(spa)
    expect(await clients.find('orders')).toEqual(kept)
    expect(kept.createdAt).toBeInstanceOf(Date)
  })

  test('a secret is found again by its digest', async () => {
    await clients.insert(web)
    const kept = await clients.find('shop')
    expect(kept && isClientSecret(kept, ownSecret)).toBe(true)
  })

  test('keys of a client that signs its assertions come back', async () => {
    const jwks = { keys: [{ kty: 'OKP', crv: 'Ed25519', x: 'AAAA', kid: 'k1' }] }
    await clients.insert(
      newClient({ preset: 'service', name: 'Job', id: 'job', tokenEndpointAuthMethod: 'private_key_jwt', jwks }),
    )
    expect((await clients.find('job'))?.jwks).toEqual(jwks)
  })

  test('clients are listed in order of creation', async () => {
    await clients.insert(spa)
    await clients.insert(web)
    expect((await clients.list()).map(({ id }) => id)).toEqual(['orders', 'shop'])
  })

  test.each(["x' or true --", '', '\u0000', 'x'.repeat(10_000), '\ud800'])('%j is no client', async (id) => {
    expect(await clients.find(id)).toBeUndefined()
    await expect(clients.update(id, { name: 'x' })).rejects.toMatchObject({ code: 'client_missing' })
    await expect(clients.rotateSecret(id, new Uint8Array(32), 60)).rejects.toMatchObject({ code: 'client_missing' })
    await expect(clients.remove(id)).rejects.toMatchObject({ code: 'client_missing' })
  })
})

describe('a client of another release', () => {
  /** As the release before wrote it. */
  const stored = {
    redirectUris: ['https://shop.example/cb'],
    postLogoutRedirectUris: [],
    origins: [],
    pkce: 'required',
    tokenEndpointAuthMethod: 'client_secret_basic',
    idTokenAlg: 'ES256',
    claimsInIdToken: false,
    dpopBound: false,
    requirePar: false,
    refreshDelivery: 'body',
  }

  const insertStored = (id: string, metadata: object) =>
    db.query(
      `insert into clients (id, name, preset, secret_digest, metadata) values ($1, 'Shop', 'web', sha256('x'), $2)`,
      [id, metadata],
    )

  test('written by the release before keeps the behaviour that it was registered with', async () => {
    await insertStored('old', stored)
    expect(await clients.find('old')).toMatchObject({
      grants: ['authorization_code', 'refresh_token'],
      profile: 'standard',
      pkce: 'required',
      tokenEndpointAuthMethod: 'client_secret_basic',
      idTokenAlg: 'ES256',
      claimsInIdToken: false,
    })
  })

  test('with an API, whose ID token always had the claims, keeps them', async () => {
    await insertStored('old', stored)
    await db.query(`insert into client_apis (client_id, audience, position) values ('old', 'https://a.example', 0)`)
    expect((await clients.find('old'))?.claimsInIdToken).toBe(true)
  })

  test('written by this release reads to the release before as the strictest that it knows', async () => {
    await clients.insert(web)
    const { rows } = await db.query<{ metadata: Record<string, unknown> }>('select metadata from clients')
    expect(rows[0]?.metadata).toMatchObject({ pkce: 'required', tokenEndpointAuthMethod: 'client_secret_basic' })
    expect(await clients.find('shop')).toMatchObject({ pkce: 'or-nonce', tokenEndpointAuthMethod: 'client_secret' })
  })

  test('changed by the release before, which leaves out what it does not know, is as strict as that release made it', async () => {
    await clients.insert(web)
    await db.query(`update clients set metadata = metadata - 'newer'`)
    expect(await clients.find('shop')).toMatchObject({
      pkce: 'required',
      tokenEndpointAuthMethod: 'client_secret_basic',
    })
  })
})

describe('what cannot be kept is refused', () => {
  test('an id is taken once', async () => {
    await clients.insert(spa)
    await expect(clients.insert({ ...web, id: 'orders' })).rejects.toMatchObject({
      code: 'client_exists',
      kind: 'conflict',
    })
    expect((await clients.find('orders'))?.name).toBe('Orders')
  })

  test('of 20 clients with one id added at once, one is kept', async () => {
    const results = await Promise.allSettled(Array.from({ length: 20 }, () => clients.insert(spa)))
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
  })

  test('an unknown API is named, and nothing is kept', async () => {
    await expect(
      clients.insert({ ...spa, apis: ['https://a.example', 'https://nowhere.example'] }),
    ).rejects.toMatchObject({
      code: 'api_missing',
      kind: 'missing',
      detail: { unknown: ['https://nowhere.example'] },
    })
    expect(await clients.find('orders')).toBeUndefined()
  })

  test('a change of an unknown client', async () => {
    await expect(clients.update('nobody', { name: 'x' })).rejects.toMatchObject({
      code: 'client_missing',
      kind: 'missing',
    })
    await expect(clients.remove('nobody')).rejects.toMatchObject({ code: 'client_missing' })
  })
})

describe('a client can be changed', () => {
  test('what is not named stays', async () => {
    const before = await clients.insert(spa)
    const after = await clients.update('orders', { name: 'Orders 2' })
    expect(after).toEqual({ ...before, name: 'Orders 2', updatedAt: after.updatedAt })
    expect(after.updatedAt.getTime()).toBeGreaterThan(before.updatedAt.getTime())
  })

  test('the result of a checked change is kept whole', async () => {
    const before = await clients.insert(spa)
    const after = await clients.update('orders', changedClient(before, { startUri: null, apis: ['https://c.example'] }))
    expect(after).toMatchObject({ startUri: undefined, apis: ['https://c.example'] })
  })

  test('an unknown API leaves everything as it was', async () => {
    const before = await clients.insert(spa)
    await expect(clients.update('orders', { name: 'x', apis: ['https://nowhere.example'] })).rejects.toMatchObject({
      code: 'api_missing',
    })
    expect(await clients.find('orders')).toEqual(before)
  })

  test('a new secret takes the place of the old one', async () => {
    await clients.insert(web)
    const after = await clients.update('shop', { secretDigest: digestOfSecret('y'.repeat(40)) })
    expect(isClientSecret(after, ownSecret)).toBe(false)
    expect(isClientSecret(after, 'y'.repeat(40))).toBe(true)
  })

  const [old, fresh, newest] = ['x', 'y', 'z'].map((letter) => letter.repeat(40)) as [string, string, string]

  test('a rotated secret is accepted until the end of the overlap, which other changes leave as it is', async () => {
    await clients.insert(web)
    const before = Date.now()
    const rotated = await clients.rotateSecret('shop', digestOfSecret(fresh), 3600)
    expect(rotated.previousSecret?.until.getTime()).toBeGreaterThanOrEqual(before + 3_590_000)
    expect(rotated.secretRotatedAt).toBeInstanceOf(Date)
    const kept = await clients.update('shop', { name: 'Shop 2' })
    expect(await clients.find('shop')).toEqual(kept)
    expect([old, fresh, newest].map((secret) => isClientSecret(kept, secret))).toEqual([true, true, false])
    expect(isClientSecret(kept, old, rotated.previousSecret?.until.getTime())).toBe(false)
  })

  test('an overlap of 0 ends the old secret at once, and the one before it too', async () => {
    await clients.insert(web)
    await clients.rotateSecret('shop', digestOfSecret(fresh), 3600)
    const kept = await clients.rotateSecret('shop', digestOfSecret(newest), 0)
    expect(kept.previousSecret).toBeUndefined()
    expect([old, fresh, newest].map((secret) => isClientSecret(kept, secret))).toEqual([false, false, true])
  })

  test('a second rotation within the overlap ends the oldest secret', async () => {
    await clients.insert(web)
    await clients.rotateSecret('shop', digestOfSecret(fresh), 3600)
    const kept = await clients.rotateSecret('shop', digestOfSecret(newest), 3600)
    expect([old, fresh, newest].map((secret) => isClientSecret(kept, secret))).toEqual([false, true, true])
  })

  test('a client that moves to private_key_jwt leaves both secrets behind', async () => {
    await clients.insert(web)
    await clients.rotateSecret('shop', digestOfSecret(fresh), 3600)
    const kept = await clients.update('shop', { tokenEndpointAuthMethod: 'private_key_jwt', secretDigest: undefined })
    expect(kept.previousSecret).toBeUndefined()
    const { rows } = await db.query('select from clients where previous_secret_digest is not null')
    expect(rows).toHaveLength(0)
  })

  test('of two changes of different fields at once, none is lost', async () => {
    await clients.insert(spa)
    await Promise.all([
      clients.update('orders', { name: 'Orders 2' }),
      clients.update('orders', { idTokenAlg: 'RS256' }),
    ])
    expect(await clients.find('orders')).toMatchObject({ name: 'Orders 2', idTokenAlg: 'RS256' })
  })

  test('running nodes are told of every write', async () => {
    const version = async () =>
      (await db.query<{ version: string }>("select version from change_counters where topic = 'clients'")).rows[0]
        ?.version
    const seen = [await version()]
    await clients.insert(spa)
    seen.push(await version())
    await clients.update('orders', { name: 'Orders 2' })
    seen.push(await version())
    await clients.remove('orders')
    seen.push(await version())
    expect(new Set(seen).size).toBe(4)
  })
})

describe('removing a client ends what it holds', () => {
  const artifact = (model: number, clientId: string, grantId: string | null = null) =>
    db.query(
      `insert into artifacts (model, id, payload, grant_id, client_id, expires_at)
       values ($1, sha256(random()::text::bytea), '{}', $3, $2, now() + interval '1 hour')`,
      [model, clientId, grantId],
    )

  test('grants, codes and tokens go with it, those of others stay', async () => {
    await clients.insert(spa)
    await clients.insert(web)
    for (const id of ['orders', 'shop']) {
      await artifact(artifactModels.Grant, id, `grant-${id}`)
      await artifact(artifactModels.AuthorizationCode, id, `grant-${id}`)
      await artifact(artifactModels.RefreshToken, id, `grant-${id}`)
      await artifact(artifactModels.RefreshToken, id, `grant-${id}`)
      await artifact(artifactModels.AccessToken, id, `grant-${id}`)
    }
    expect(await clients.remove('orders')).toEqual({ grants: 1, refreshTokens: 2 })
    expect(await clients.find('orders')).toBeUndefined()
    const { rows } = await db.query<{ client_id: string; n: number }>(
      'select client_id, count(*)::int as n from artifacts group by 1',
    )
    expect(rows).toEqual([{ client_id: 'shop', n: 5 }])
  })
})
