/** Who is owed a word when sessions end, and who says it. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { newClient } from '../../../src/clients/new-client.ts'
import { PostgresClientStore } from '../../../src/storage/apps/client-store.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresBrowserSessions } from '../../../src/storage/protocol/browser-sessions.ts'
import { endAccount, endClient, endGrant, endSession } from '../../../src/storage/protocol/ending.ts'
import { PostgresLogoutOutbox } from '../../../src/storage/signals/logout-outbox.ts'
import { ownSecret } from '../../clients/clients.ts'
import { freshDatabase } from '../../harness/database.ts'
import { insertArtifacts } from '../artifact-rows.ts'

let db: Database
let outbox: PostgresLogoutOutbox
let clients: PostgresClientStore
let sessions: PostgresBrowserSessions

const ada = { accountId: 'acc_ada' }
const uri = (id: string) => `https://${id}.example/logout`

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url, poolSize: 10 })
  outbox = new PostgresLogoutOutbox(db)
  clients = new PostgresClientStore(db)
  sessions = new PostgresBrowserSessions(db)
})
afterAll(() => db.close())

/** Ada in two browsers, Bob in one; the shop and the mail app want to be told, the wiki does not. */
beforeEach(async () => {
  await db.query('truncate artifacts, clients, logout_deliveries cascade')
  for (const id of ['shop', 'mail', 'wiki']) {
    const told = id === 'wiki' ? {} : { backchannelLogoutUri: uri(id), backchannelLogoutSessionRequired: id === 'shop' }
    await clients.insert(
      newClient({
        preset: 'web',
        name: id,
        id,
        redirectUris: ['https://a.example/cb'],
        secret: ownSecret,
        ...told,
      }),
    )
  }
  await insertArtifacts(db, [
    { ...ada, model: 'Session', uid: 'ada-1', grants: { shop: 'shop-1', mail: 'mail-1', wiki: 'wiki-1' } },
    { ...ada, model: 'Session', uid: 'ada-2', grants: { shop: 'shop-2' } },
    { ...ada, model: 'Session', uid: 'ada-old', grants: { shop: 'shop-0' }, expired: true },
    ...['shop-1', 'shop-2'].map((grantId) => ({ ...ada, model: 'Grant' as const, grantId, clientId: 'shop' })),
    { ...ada, model: 'Grant', grantId: 'mail-1', clientId: 'mail' },
    { accountId: 'acc_bob', model: 'Session', uid: 'bob-1', grants: { shop: 'bob-shop' } },
    { accountId: 'acc_bob', model: 'Grant', grantId: 'bob-shop', clientId: 'shop' },
  ])
})

const owed = async () => {
  const { rows } = await db.query<{ owed: string }>(
    `select session_uid || ' to ' || client_id as owed from logout_deliveries order by 1`,
  )
  return rows.map((row) => row.owed)
}

describe('a word is owed', () => {
  test.each<[string, () => Promise<unknown>, string[]]>([
    ['of a session', () => endSession(db, 'ada-1', { offlineAccess: 'end' }), ['ada-1 to mail', 'ada-1 to shop']],
    ['of all of an account', () => endAccount(db, 'acc_ada'), ['ada-1 to mail', 'ada-1 to shop', 'ada-2 to shop']],
    [
      'of all but the one that goes on',
      () => endAccount(db, 'acc_ada', { exceptSessionUid: 'ada-1' }),
      ['ada-2 to shop'],
    ],
    ['of the session behind a grant', () => endGrant(db, 'shop-1'), ['ada-1 to shop']],
    ['of everybody’s at an app', () => endClient(db, 'shop'), ['ada-1 to shop', 'ada-2 to shop', 'bob-1 to shop']],
    ['of everybody’s at an app that is removed', () => clients.remove('mail'), ['ada-1 to mail']],
    ['of nothing that does not exist', () => endSession(db, 'nobody', { offlineAccess: 'end' }), []],
    ['of nothing that has expired', () => db.query(`delete from artifacts where uid = 'ada-old'`), []],
  ])('%s', async (_, end, expected) => {
    await end()
    expect(await owed()).toEqual(expected)
  })

  test('if and only if the end is committed', async () => {
    const interrupted = db.transaction(async (tx) => {
      await endAccount(tx, 'acc_ada')
      throw new Error('no')
    })
    await expect(interrupted).rejects.toThrow('no')
    expect(await owed()).toEqual([])
  })
})

describe('the outbox', () => {
  test('gives what is due with what is registered by now', async () => {
    await endSession(db, 'ada-2', { offlineAccess: 'end' })
    const { createdAt: _, updatedAt: __, ...shop } = (await clients.find('shop')) ?? ({} as never)
    await clients.update('shop', { ...shop, backchannelLogoutUri: 'https://new.example/logout', idTokenAlg: 'RS256' })
    expect(await outbox.take(60, [])).toEqual({
      id: expect.any(String),
      clientId: 'shop',
      accountId: 'acc_ada',
      sid: 'shop',
      sessionUid: 'ada-2',
      uri: 'https://new.example/logout',
      alg: 'RS256',
      namesSession: true,
      attempts: 1,
    })
    expect(await outbox.take(60, [])).toBeUndefined()
  })

  test('gives what was registered for an app that is gone, and nothing to ask for one that has taken its URI back', async () => {
    await clients.remove('mail')
    expect(await outbox.take(60, [])).toMatchObject({ clientId: 'mail', uri: uri('mail'), namesSession: false })
    await endSession(db, 'ada-2', { offlineAccess: 'end' })
    await db.query(`update clients set metadata = metadata - 'backchannelLogoutUri' where id = 'shop'`)
    expect(await outbox.take(60, [])).toMatchObject({ clientId: 'shop', uri: undefined })
  })

  test('gives each to one of many who ask at once', async () => {
    await db.query(
      `insert into logout_deliveries (client_id, account_id, sid, session_uid, uri, alg, names_session)
       select 'shop', 'acc_ada', n::text, n::text, 'https://shop.example', 'ES256', true from generate_series(1, 100) as n`,
    )
    const taken: (string | undefined)[] = []
    const taker = async () => {
      for (let delivery = await outbox.take(60, []); delivery; delivery = await outbox.take(60, []))
        taken.push(delivery.sid)
    }
    await Promise.all(Array.from({ length: 10 }, taker))
    expect(taken).toHaveLength(100)
    expect(new Set(taken).size).toBe(100)
  })

  test('passes over apps that have enough under way', async () => {
    await endSession(db, 'ada-1', { offlineAccess: 'end' })
    expect(await outbox.take(60, ['shop'])).toMatchObject({ clientId: 'mail' })
    expect(await outbox.take(60, ['shop'])).toBeUndefined()
  })

  test('gives to another what a node that died did not settle, as one more try', async () => {
    await endSession(db, 'ada-2', { offlineAccess: 'end' })
    await outbox.take(0, [])
    expect(await outbox.take(60, [])).toMatchObject({ attempts: 2 })
  })

  test('keeps what was settled first, and shows how it stands', async () => {
    await endSession(db, 'ada-1', { offlineAccess: 'end' })
    const [one, two] = [await outbox.take(60, []), await outbox.take(60, [])]
    expect(await outbox.countWaiting()).toBe(2)
    const idOf = (clientId: string) => [one, two].find((delivery) => delivery?.clientId === clientId)?.id ?? ''
    await outbox.settle(idOf('mail'), { outcome: 'again', error: 'Not now.', afterSeconds: 600, counts: true })
    await outbox.settle(idOf('shop'), { outcome: 'delivered' })
    await outbox.settle(idOf('shop'), { outcome: 'failed', error: 'Too late.' })
    expect(await sessions.find('ada-1')).toEqual({
      id: 'ada-1',
      accountId: 'acc_ada',
      signedInAt: undefined,
      expiresAt: undefined,
      clients: ['mail', 'shop'],
      endedAt: expect.any(Date),
      logouts: [
        expect.objectContaining({
          clientId: 'mail',
          state: 'waiting',
          attempts: 1,
          lastError: 'Not now.',
          nextTryAt: expect.any(Date),
        }),
        expect.objectContaining({
          clientId: 'shop',
          state: 'delivered',
          attempts: 1,
          lastError: undefined,
          nextTryAt: undefined,
        }),
      ],
    })
    expect((await sessions.list('acc_ada')).map(({ id }) => id)).toEqual(['ada-2'])
    expect((await sessions.listEnded('acc_ada')).map(({ id }) => id)).toEqual(['ada-1'])
    expect(await outbox.countWaiting()).toBe(1)
  })

  test('does not count a try that was cut short', async () => {
    await endSession(db, 'ada-2', { offlineAccess: 'end' })
    const taken = await outbox.take(60, [])
    await outbox.settle(taken?.id ?? '', { outcome: 'again', error: 'Given up.', afterSeconds: 0, counts: false })
    expect(await outbox.take(60, [])).toMatchObject({ attempts: 1 })
  })
})
