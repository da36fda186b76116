import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { grantClaim } from '../../../src/oidc/token-claims.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { endAccount, endClient, endGrant, endGrantsOf, endSession } from '../../../src/storage/protocol/ending.ts'
import { freshDatabase } from '../../harness/database.ts'
import { artifactsLeft, insertArtifacts } from '../artifact-rows.ts'

let db: Database

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url })
})
afterAll(() => db.close())

const ada = { accountId: 'acc_ada' }
const bob = { accountId: 'acc_bob' }
const bobsState = ['Grant:bob-shop', 'RefreshToken:bob-shop/bob-1', 'Session:bob-1']

/** Ada in two browsers: a shop and a mail app that may work offline in the first, the shop again in the second; and Bob. */
beforeEach(async () => {
  await db.query('truncate artifacts')
  await insertArtifacts(db, [
    { ...ada, model: 'Session', uid: 'ada-1', grants: { shop: 'shop-1', mail: 'mail-1' } },
    { ...ada, model: 'Grant', grantId: 'shop-1', clientId: 'shop' },
    { ...ada, model: 'AuthorizationCode', grantId: 'shop-1', clientId: 'shop', sessionUid: 'ada-1' },
    { ...ada, model: 'RefreshToken', grantId: 'shop-1', clientId: 'shop', sessionUid: 'ada-1', scope: 'openid' },
    { ...ada, model: 'AccessToken', grantId: 'shop-1', clientId: 'shop', sessionUid: 'ada-1' },
    { ...ada, model: 'Grant', grantId: 'mail-1', clientId: 'mail' },
    {
      ...ada,
      model: 'RefreshToken',
      grantId: 'mail-1',
      clientId: 'mail',
      sessionUid: 'ada-1',
      scope: 'openid offline_access',
    },
    { ...ada, model: 'AccessToken', grantId: 'mail-1', clientId: 'mail', sessionUid: 'ada-1' },
    { ...ada, model: 'Session', uid: 'ada-2', grants: { shop: 'shop-2' } },
    { ...ada, model: 'Grant', grantId: 'shop-2', clientId: 'shop' },
    { ...ada, model: 'RefreshToken', grantId: 'shop-2', clientId: 'shop', sessionUid: 'ada-2', scope: 'openid' },
    { ...ada, model: 'DeviceCode', grantId: 'shop-2', clientId: 'shop', sessionUid: 'ada-2' },
    {
      ...ada,
      model: 'RefreshToken',
      grantId: 'long-gone',
      clientId: 'shop',
      sessionUid: 'gone',
      scope: 'openid',
      expired: true,
    },
    { ...bob, model: 'Session', uid: 'bob-1', grants: { shop: 'bob-shop' } },
    { ...bob, model: 'Grant', grantId: 'bob-shop', clientId: 'shop' },
    { ...bob, model: 'RefreshToken', grantId: 'bob-shop', clientId: 'shop', sessionUid: 'bob-1', scope: 'openid' },
  ])
})

describe('ending the grants of one person and app', () => {
  test('ends them in every browser with their codes and tokens, and nothing of other apps, people and sessions', async () => {
    const before = await artifactsLeft(db)
    expect(await endGrantsOf(db, 'acc_ada', 'shop', 'consent.withdrawn')).toMatchObject({ sessions: 0, grants: 2 })
    const gone = before.filter((name) => /shop-[12]/.test(name))
    expect(await artifactsLeft(db)).toEqual(before.filter((name) => !gone.includes(name)))
    expect(gone.length).toBeGreaterThanOrEqual(7)
  })
  test('writes a revocation for each grant, with its cause', async () => {
    await db.query('truncate revocations')
    await endGrantsOf(db, 'acc_ada', 'shop', 'consent.withdrawn')
    const { rows } = await db.query<{ value: string; cause: string }>(
      'select value, cause from revocations order by value',
    )
    const values = [grantClaim('shop-1'), grantClaim('shop-2')].sort()
    expect(rows).toEqual(values.map((value) => ({ value, cause: 'consent.withdrawn' })))
  })
})

describe('ending an account', () => {
  test('ends every session, grant, code and token of the person and of nobody else, and counts the living ones', async () => {
    expect(await endAccount(db, 'acc_ada')).toEqual({ sessions: 2, grants: 3, refreshTokens: 3 })
    expect(await artifactsLeft(db)).toEqual(bobsState)
  })

  test('may spare one session with what was issued through it', async () => {
    expect(await endAccount(db, 'acc_ada', { exceptSessionUid: 'ada-2' })).toEqual({
      sessions: 1,
      grants: 2,
      refreshTokens: 2,
    })
    expect(await artifactsLeft(db)).toEqual(
      [...bobsState, 'DeviceCode:shop-2/ada-2', 'Grant:shop-2', 'RefreshToken:shop-2/ada-2', 'Session:ada-2'].sort(),
    )
  })

  test("spares nothing when the session to spare is another person's", async () => {
    await endAccount(db, 'acc_ada', { exceptSessionUid: 'bob-1' })
    expect(await artifactsLeft(db)).toEqual(bobsState)
  })

  test('ends tokens of a spared grant that came through another session', async () => {
    await insertArtifacts(db, [
      { ...ada, model: 'RefreshToken', grantId: 'shop-2', clientId: 'shop', sessionUid: 'ada-1' },
    ])
    await endAccount(db, 'acc_ada', { exceptSessionUid: 'ada-2' })
    expect(await artifactsLeft(db)).not.toContain('RefreshToken:shop-2/ada-1')
  })

  test('twice is harmless', async () => {
    await endAccount(db, 'acc_ada')
    expect(await endAccount(db, 'acc_ada')).toEqual({ sessions: 0, grants: 0, refreshTokens: 0 })
  })
})

describe('ending a session', () => {
  const second = ['DeviceCode:shop-2/ada-2', 'Grant:shop-2', 'RefreshToken:shop-2/ada-2', 'Session:ada-2']
  const expired = ['RefreshToken:long-gone/gone']

  test('by an administrator ends all that came from it, offline access too, and leaves other browsers signed in', async () => {
    expect(await endSession(db, 'ada-1', { offlineAccess: 'end' })).toEqual({
      sessions: 1,
      grants: 2,
      refreshTokens: 2,
    })
    expect(await artifactsLeft(db)).toEqual([...bobsState, ...second, ...expired].sort())
  })

  test('by the person leaves an app its offline access', async () => {
    expect(await endSession(db, 'ada-1', { offlineAccess: 'keep' })).toEqual({
      sessions: 1,
      grants: 1,
      refreshTokens: 1,
    })
    expect(await artifactsLeft(db)).toEqual(
      [...bobsState, ...second, ...expired, 'Grant:mail-1', 'RefreshToken:mail-1/ada-1'].sort(),
    )
  })

  test('leaves a grant that another session of the person uses to that session', async () => {
    await insertArtifacts(db, [
      { ...ada, model: 'Session', uid: 'ada-3', grants: { shop: 'shop-1' } },
      { ...ada, model: 'RefreshToken', grantId: 'shop-1', clientId: 'shop', sessionUid: 'ada-3', scope: 'openid' },
    ])
    await endSession(db, 'ada-1', { offlineAccess: 'end' })
    const left = await artifactsLeft(db)
    expect(left).toEqual(expect.arrayContaining(['Grant:shop-1', 'RefreshToken:shop-1/ada-3', 'Session:ada-3']))
    expect(left).not.toContain('RefreshToken:shop-1/ada-1')
  })

  test('nobody is signed in to, or none at all, ends no more than itself', async () => {
    await insertArtifacts(db, [{ model: 'Session', uid: 'anonymous' }])
    expect(await endSession(db, 'anonymous', { offlineAccess: 'end' })).toEqual({
      sessions: 1,
      grants: 0,
      refreshTokens: 0,
    })
    expect(await endSession(db, 'unknown', { offlineAccess: 'end' })).toEqual({
      sessions: 0,
      grants: 0,
      refreshTokens: 0,
    })
    expect(await artifactsLeft(db)).toHaveLength(16)
  })
})

test('ending a grant ends its codes and tokens with it', async () => {
  expect(await endGrant(db, 'shop-1')).toEqual({ sessions: 0, grants: 1, refreshTokens: 1 })
  expect((await artifactsLeft(db)).filter((one) => one.includes('shop-1'))).toEqual([])
  expect(await artifactsLeft(db)).toHaveLength(12)
})

test('ending an app ends what it holds of anybody, and nobody is signed out', async () => {
  expect(await endClient(db, 'shop')).toEqual({ sessions: 0, grants: 3, refreshTokens: 3 })
  expect((await artifactsLeft(db)).map((one) => one.split('/')[0])).toEqual(
    [
      'AccessToken:mail-1',
      'Grant:mail-1',
      'RefreshToken:mail-1',
      'Session:ada-1',
      'Session:ada-2',
      'Session:bob-1',
    ].sort(),
  )
})

describe('the log of revocations', () => {
  const written = async () =>
    (
      await db.query<{ kind: number; value: string; not_before: string | null; cause: string }>(
        'select kind, value, not_before, cause from revocations order by id',
      )
    ).rows
  const nowSeconds = () => Math.floor(Date.now() / 1000)

  beforeEach(() => db.query('truncate revocations'))

  test('is told of an account by a cut-off two seconds on', async () => {
    await endAccount(db, 'acc_ada', { cause: 'account.disabled' })
    const [entry, ...more] = await written()
    expect(more).toEqual([])
    expect(entry).toMatchObject({ kind: 4, value: 'acc_ada', cause: 'account.disabled' })
    expect(Math.abs(Number(entry?.not_before) - nowSeconds() - 2)).toBeLessThanOrEqual(1)
  })

  test('does not run ahead of the clock, however often it is told', async () => {
    for (let time = 0; time < 20; time += 1) await endAccount(db, 'acc_ada')
    const cuts = (await written()).map(({ not_before }) => Number(not_before))
    expect(cuts).toEqual([...cuts].sort((a, b) => a - b))
    expect((cuts.at(-1) ?? 0) - nowSeconds()).toBeLessThanOrEqual(3)
  })

  test('cuts off later than before where the clock was set back, since tokens may be dated with what lies ahead', async () => {
    const ahead = nowSeconds() + 600
    await db.query(`insert into revocations (kind, value, not_before, cause) values (4, 'acc_ada', $1, 'test')`, [
      ahead,
    ])
    await endAccount(db, 'acc_ada')
    expect((await written()).map(({ not_before }) => Number(not_before))).toEqual([ahead, ahead + 1])
  })

  test('has no cut-off for an account that is gone: whatever was issued is void for good', async () => {
    await endAccount(db, 'acc_ada', { isGone: true })
    expect(await written()).toMatchObject([{ kind: 4, not_before: null }])
  })

  test('is not told of the first password of a new account', async () => {
    await db.query(`insert into accounts (id, login, email) values ('acc_new', 'new@example.org', 'new@example.org')`)
    await endAccount(db, 'acc_new', { isFirstPassword: true })
    expect(await written()).toEqual([])
    await endAccount(db, 'acc_new', { isFirstPassword: false })
    expect(await written()).toHaveLength(1)
    const { rows } = await db.query<{ revoked_before: string }>(
      `select revoked_before from accounts where id = 'acc_new'`,
    )
    expect(rows[0]?.revoked_before).toBe((await written())[0]?.not_before)
  })

  test('is told of a session by its names, and of the grants that end with it', async () => {
    await endSession(db, 'ada-1', { offlineAccess: 'keep' })
    const names = (await written()).map(({ kind, value }) => `${kind}:${value}`)
    expect(names).toContain('2:ada-1')
    expect(names.filter((name) => name.startsWith('3:'))).toHaveLength(1)
  })

  test('is told of a grant by its name in tokens, and of a client by a cut-off', async () => {
    await endGrant(db, 'shop-1')
    await endClient(db, 'shop')
    expect(await written()).toMatchObject([
      { kind: 3, value: grantClaim('shop-1'), not_before: null },
      { kind: 5, value: 'shop', cause: 'client.removed' },
    ])
  })
})
