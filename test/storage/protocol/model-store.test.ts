import { fork } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { ModelChanges, ModelName, Replay } from '../../../src/oidc/state/model-store.ts'
import type { IssuedToken } from '../../../src/revocation/issued-token.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { artifactModels } from '../../../src/storage/protocol/artifact-models.ts'
import { PostgresModelStore } from '../../../src/storage/protocol/model-store.ts'
import { freshDatabase } from '../../harness/database.ts'

const models = Object.keys(artifactModels) as ModelName[]
const nothing: ModelChanges = { upserts: [], consumes: [], destroys: [], revokedGrants: [] }
const newId = () => randomBytes(16).toString('base64url')
const inSeconds = (seconds: number) => Math.floor(Date.now() / 1000) + seconds

let fresh: Awaited<ReturnType<typeof freshDatabase>>
let db: Database
let store: PostgresModelStore
let racers: Racer[]

beforeAll(async () => {
  fresh = await freshDatabase()
  db = openDatabase({ url: fresh.url })
  store = new PostgresModelStore(db)
  racers = await Promise.all([0, 1].map(() => startRacer(fresh.url)))
})

afterAll(async () => {
  await Promise.all(racers.map((racer) => racer.stop()))
  await db.close()
  await fresh.drop()
})

const put = (model: ModelName, id: string, payload: Record<string, unknown> = {}, expiresAt = inSeconds(60)) =>
  store.commit({ ...nothing, upserts: [{ model, id, payload, expiresAt }] })
const spend = (model: ModelName, id: string, graceSeconds = 0) =>
  store.commit({ ...nothing, consumes: [{ model, id, graceSeconds }] })
const rowOf = async (model: ModelName) =>
  (
    await db.query<{ id: Buffer; expires_at: Date; row: string }>(
      'select id, expires_at, a::text as row from artifacts a where model = $1',
      [artifactModels[model]],
    )
  ).rows

describe.each(models)('of every %s', (model) => {
  test('what was kept is found again, with its expiry', async () => {
    const [id, expiresAt] = [newId(), inSeconds(60)]
    expect(await put(model, id, { clientId: 'app', nested: { list: [1, 'two', null] } }, expiresAt)).toBe(true)
    const found = await store.find(model, id, 0)
    expect(found?.model).toEqual({
      payload: { clientId: 'app', nested: { list: [1, 'two', null] } },
      use: 'unused',
      expiresAt,
    })
  })

  test('a second write replaces the first', async () => {
    const id = newId()
    await put(model, id, { round: 1 })
    await put(model, id, { round: 2 })
    expect((await store.find(model, id, 0))?.model.payload).toEqual({ round: 2 })
  })

  test('an expired one is invisible and cannot be spent, before anybody has removed it', async () => {
    const id = newId()
    await put(model, id, {}, inSeconds(-1))
    expect(await store.find(model, id, 0)).toBeUndefined()
    expect(await spend(model, id)).toBe(false)
  })

  test('the identifier itself is nowhere in the row', async () => {
    const id = newId()
    await put(model, id, { clientId: 'app' })
    const rows = (await rowOf(model)).map(({ row }) => row).join('\n')
    if (model === 'Grant')
      expect(rows).toContain(id) // a grant's id opens nothing and joins everything
    else expect(rows).not.toContain(id)
  })

  test('of fifty parallel attempts from two processes to spend it exactly one succeeds', async () => {
    const id = newId()
    await put(model, id)
    const attempts = (await Promise.all(racers.map((racer) => racer.race(model, id)))).flat()
    expect(attempts).toHaveLength(50)
    expect(attempts.filter(Boolean)).toHaveLength(1)
  })

  test('spending never moves the expiry, and what was spent is recognised until then', async () => {
    const [id, expiresAt] = [newId(), inSeconds(60)]
    await put(model, id, {}, expiresAt)
    await spend(model, id)
    const use = model === 'Session' ? 'unused' : 'used' // a session is never spent, and its read does not ask
    expect((await store.find(model, id, 0))?.model).toMatchObject({ use, expiresAt })
  })

  test('what is destroyed is gone', async () => {
    const id = newId()
    await put(model, id)
    await store.commit({ ...nothing, destroys: [{ model, id }] })
    expect(await store.find(model, id, 0)).toBeUndefined()
  })

  test('an unknown one is not found', async () => {
    expect(await store.find(model, newId(), 0)).toBeUndefined()
  })
})

test('within the grace a spent refresh token is just used and may be spent again; after it neither', async () => {
  const id = newId()
  await put('RefreshToken', id)
  expect(await spend('RefreshToken', id, 10)).toBe(true)
  expect((await store.find('RefreshToken', id, 10))?.model.use).toBe('just-used')
  expect(await spend('RefreshToken', id, 10)).toBe(true)
  await db.query(
    "update artifacts set consumed_at = now() - interval '11 seconds' where model = 5 and consumed_at is not null",
  )
  expect((await store.find('RefreshToken', id, 10))?.model.use).toBe('used')
  expect(await spend('RefreshToken', id, 10)).toBe(false)
})

test('spending again within the grace does not prolong it', async () => {
  const id = newId()
  await put('RefreshToken', id)
  await spend('RefreshToken', id, 10)
  const consumedAt = async () =>
    (await db.query<{ at: Date }>('select max(consumed_at) as at from artifacts where model = 5')).rows[0]?.at
  const first = await consumedAt()
  await spend('RefreshToken', id, 10)
  expect(await consumedAt()).toEqual(first)
})

test('when one thing of a request was spent already, nothing of the request lands', async () => {
  const [spent, unspent, fruit] = [newId(), newId(), newId()]
  await put('AuthorizationCode', spent)
  await put('AuthorizationCode', unspent)
  await spend('AuthorizationCode', spent)
  const landed = await store.commit({
    ...nothing,
    consumes: [spent, unspent].map((id) => ({ model: 'AuthorizationCode' as const, id, graceSeconds: 0 })),
    upserts: [{ model: 'RefreshToken', id: fruit, payload: {}, expiresAt: inSeconds(60) }],
  })
  expect(landed).toBe(false)
  expect(await store.find('RefreshToken', fruit, 0)).toBeUndefined()
})

test('a refresh that races with a revocation of its grant leaves no successor', async () => {
  const [token, successor, grantId] = [newId(), newId(), newId()]
  await put('RefreshToken', token, { grantId })
  await store.commit({ ...nothing, revokedGrants: [grantId] })
  const landed = await store.commit({
    ...nothing,
    consumes: [{ model: 'RefreshToken', id: token, graceSeconds: 10 }],
    upserts: [{ model: 'RefreshToken', id: successor, payload: { grantId }, expiresAt: inSeconds(60) }],
  })
  expect(landed).toBe(false)
  expect(await store.find('RefreshToken', successor, 0)).toBeUndefined()
})

describe('a commit that finds its value spent ends the grant in the same statement', () => {
  const upsert = (grantId: string) => ({
    model: 'RefreshToken' as const,
    id: newId(),
    payload: { grantId },
    expiresAt: inSeconds(60),
  })
  const issued = (): IssuedToken => ({
    marks: { jti: newId(), client: 'app', kid: 'key', issuer: 'https://id.example', iat: inSeconds(0) },
    digest: randomBytes(32),
    list: 1,
    idx: 1,
    exp: inSeconds(600),
  })
  const shapes: [string, (grantId: string) => Partial<ModelChanges>][] = [
    ['that keeps one row', (grantId) => ({ upserts: [upsert(grantId)] })],
    ['that keeps one row and records a token', (grantId) => ({ upserts: [upsert(grantId)], issued: issued() })],
    ['that keeps nothing', () => ({})],
    ['that keeps two rows', (grantId) => ({ upserts: [upsert(grantId), upsert(grantId)] })],
    ['that records a token only', () => ({ issued: issued() })],
  ]
  const from = { source: '192.0.2.7', requestId: 'req-1' }

  test.each(shapes)('%s', async (_shape, changesOf) => {
    const told: Replay[] = []
    const telling = new PostgresModelStore(
      db,
      () => {},
      (replay) => told.push(replay),
    )
    const [code, fruit, grantId] = [newId(), newId(), newId()]
    const payload = { grantId, accountId: 'acc_1', clientId: 'app' }
    await put('Grant', grantId, payload)
    await put('AuthorizationCode', code, payload)
    const consumes = [{ model: 'AuthorizationCode' as const, id: code, graceSeconds: 0 }]
    const landed = await telling.commit({
      ...nothing,
      consumes,
      upserts: [{ ...upsert(grantId), id: fruit }],
      from,
    })
    expect([landed, told]).toEqual([true, []])
    const attempts = await Promise.all(
      Array.from({ length: 10 }, () => telling.commit({ ...nothing, consumes, ...changesOf(grantId), from })),
    )
    expect(attempts).not.toContain(true)
    expect(told).toEqual([{ kind: 'code.reused', grantId, accountId: 'acc_1', clientId: 'app', ...from }])
    expect(await store.find('RefreshToken', fruit, 0)).toBeUndefined()
    expect(await store.find('Grant', grantId, 0)).toBeUndefined()
    const recorded = await db.query(`select from events where kind = 'code.reused' and detail->>'grantId' = $1`, [
      grantId,
    ])
    expect(recorded.rowCount).toBe(1)
    const revoked = await db.query('select from revocations where value = grant_claim($1)', [grantId])
    expect(revoked.rowCount).toBe(1)
  })
})

test('a refresh token within its grace is no replay, and one without a grant ends nothing', async () => {
  const [token, grantId, lone] = [newId(), newId(), newId()]
  await put('RefreshToken', token, { grantId })
  await put('RefreshToken', lone, {})
  const presented = { model: 'RefreshToken' as const, id: token, graceSeconds: 10 }
  await spend('RefreshToken', token, 10)
  await spend('RefreshToken', lone)
  const nowhere = { source: undefined, requestId: undefined }
  await store.endReplayed(presented, nowhere)
  await store.endReplayed({ ...presented, id: lone, graceSeconds: 0 }, nowhere)
  expect(await store.find('RefreshToken', token, 10)).toBeDefined()
  expect(await store.find('RefreshToken', lone, 0)).toBeDefined()
  const { rowCount } = await db.query(`select from events where kind = 'refresh-token.reused'`)
  expect(rowCount).toBe(0)
})

test('a session that was ended meanwhile does not come back with a later write', async () => {
  const [before, after, uid] = [newId(), newId(), newId()]
  const session = (id: string, replaces?: string) =>
    store.commit({
      ...nothing,
      upserts: [{ model: 'Session', id, payload: { uid }, expiresAt: inSeconds(60), replaces }],
    })
  await session(before)
  await session(after, before) // a new identifier at sign-in: the row moves
  expect(await store.find('Session', before, 0)).toBeUndefined()
  expect(await store.find('Session', after, 0)).toBeDefined()
  await store.commit({ ...nothing, destroys: [{ model: 'Session', id: after }] })
  await session(after, after)
  expect(await store.find('Session', after, 0)).toBeUndefined()
})

test('revoking a grant takes every code and token of it, and nothing else', async () => {
  const [grantId, other] = [newId(), newId()]
  const taken = [
    'AuthorizationCode',
    'RefreshToken',
    'AccessToken',
    'DeviceCode',
    'BackchannelAuthenticationRequest',
  ] as const
  const ids = new Map(taken.map((model) => [model, newId()]))
  for (const [model, id] of ids) await put(model, id, { grantId })
  await put('RefreshToken', other, { grantId: newId() })
  await store.commit({ ...nothing, revokedGrants: [grantId] })
  for (const [model, id] of ids) expect(await store.find(model, id, 0)).toBeUndefined()
  expect(await store.find('RefreshToken', other, 0)).toBeDefined()
})

test('one read brings a token with its grant, its session and its account', async () => {
  const [token, grantId, sessionUid, accountId] = [newId(), newId(), newId(), newId()]
  await db.query('insert into accounts (id, login, email) values ($1, $2, $2)', [accountId, `${accountId}@example.com`])
  await put('Grant', grantId, { accountId, clientId: 'app' })
  await put('Session', newId(), { uid: sessionUid, accountId, authorizations: { app: { grantId } } })
  await put('RefreshToken', token, { grantId, sessionUid, accountId })
  expect(await store.find('RefreshToken', token, 0)).toMatchObject({
    grant: { id: grantId, payload: { clientId: 'app' } },
    session: { uid: sessionUid, payload: { accountId } },
    account: { id: accountId },
  })
})

test('one read brings a session with its account and all its grants, by id and by uid', async () => {
  const [id, uid, accountId, grants] = [newId(), newId(), newId(), [newId(), newId()]]
  await db.query('insert into accounts (id, login, email) values ($1, $2, $2)', [accountId, `${accountId}@example.com`])
  for (const grantId of grants) await put('Grant', grantId, { accountId })
  const authorizations = Object.fromEntries(grants.map((grantId, index) => [`app-${index}`, { grantId, sid: newId() }]))
  await put('Session', id, { uid, accountId, authorizations })
  for (const found of [await store.find('Session', id, 0), await store.findSessionByUid(uid)]) {
    expect(found?.account?.id).toBe(accountId)
    expect([...(found?.grants?.keys() ?? [])].sort()).toEqual([...grants].sort())
  }
})

test('a device code is found by what the person types, and a later save does not lose that', async () => {
  const [id, userCode] = [newId(), 'WDJBMJHT']
  const save = (payload: Record<string, unknown>, code?: string) =>
    store.commit({
      ...nothing,
      upserts: [{ model: 'DeviceCode', id, payload, expiresAt: inSeconds(60), userCode: code }],
    })
  await save({ clientId: 'tv' }, userCode)
  await save({ clientId: 'tv', inFlight: true })
  expect((await store.findByUserCode(userCode))?.model.payload).toEqual({ clientId: 'tv', inFlight: true })
  expect((await rowOf('DeviceCode')).map(({ row }) => row).join()).not.toContain(userCode)
})

test('a value is remembered once, also among fifty parallel callers, and again after its time', async () => {
  const id = newId()
  const first = await Promise.all(Array.from({ length: 50 }, () => store.remember(id, inSeconds(60))))
  expect(first.filter(Boolean)).toHaveLength(1)
  const past = newId()
  expect(await store.remember(past, inSeconds(-1))).toBe(true)
  expect(await store.remember(past, inSeconds(60))).toBe(true)
  expect(await store.remember(past, inSeconds(60))).toBe(false)
})

interface Racer {
  race(model: ModelName, id: string): Promise<boolean[]>
  stop(): Promise<void>
}

/** Another process with a pool of its own that tries twenty-five times at once. */
async function startRacer(url: string): Promise<Racer> {
  const child = fork(new URL('../racer.ts', import.meta.url), [url], { execArgv: [] })
  const next = () =>
    new Promise<boolean[]>((resolve) => child.once('message', (message) => resolve(message as boolean[])))
  await next()
  return {
    race(model, id) {
      const answer = next()
      child.send({ model, id })
      return answer
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.disconnect()
      }),
  }
}
