import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { entryKey } from '../../../src/revocation/entry-key.ts'
import { LiveLog } from '../../../src/revocation/live-log.ts'
import { kinds, type LoggedRevocation } from '../../../src/revocation/revocation.ts'
import { connectDirectly, type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import {
  appendRevocations,
  PostgresRevocationLog,
  removeExpiredRevocations,
} from '../../../src/storage/revocation/revocation-log.ts'
import { freshDatabase } from '../../harness/database.ts'

let db: Database
let url: string
let log: PostgresRevocationLog

beforeAll(async () => {
  ;({ url } = await freshDatabase())
  db = openDatabase({ url, poolSize: 24 })
})
afterAll(() => db.close())
beforeEach(async () => {
  await db.query('truncate revocations')
  await db.query('update revocation_feeds set seq = 0, floor = 0')
  log = new PostgresRevocationLog(db)
})

const token = (value: string) => ({ kind: kinds.jti, value, cause: 'token.revoked' })
const inAnHour = () => new Date(Date.now() + 3_600_000)

/** Follows as a verifier does: by its cursor alone. */
async function follower(of: PostgresRevocationLog) {
  const seen: LoggedRevocation[] = []
  const look = async () => {
    await of.advance()
    for (;;) {
      const more = await of.readAfter(seen.at(-1)?.seq ?? 0, 100)
      seen.push(...more)
      if (more.length < 100) return
    }
  }
  return { seen, look }
}

describe('a cursor over the log', () => {
  test('misses nothing, finds no gap and nothing twice, with 16 writers, 3 racing nodes and a transaction that stays open', async () => {
    const nodes = await Promise.all([1, 2, 3].map(() => follower(new PostgresRevocationLog(db))))
    const late = await connectDirectly({ url })
    await late.query('begin')
    await appendRevocations(late as never, [token('late')])

    let isOver = false
    const following = nodes.map(async ({ look }) => {
      while (!isOver) {
        await look()
        await wait(Math.random() * 5)
      }
    })
    const written: string[] = ['late']
    const writers = Array.from({ length: 16 }, async (_, writer) => {
      for (let round = 0; round < 40; round += 1) {
        const values = Array.from({ length: 1 + (round % 3) }, (_unused, index) => `${writer}/${round}/${index}`)
        await db
          .transaction(async (client) => {
            await appendRevocations(client, values.map(token))
            await wait(Math.random() * 4)
            if (round % 10 === 9) throw new Error('rolled back')
          })
          .then(
            () => written.push(...values),
            () => undefined,
          )
      }
    })
    await Promise.all(writers)
    await late.query('commit')
    await late.end()
    isOver = true
    await Promise.all(following)

    const { salt } = await log.advance()
    const wanted = written.map((value) => entryKey(salt, kinds.jti, value).toString('hex')).sort()
    for (const { seen, look } of nodes) {
      await look()
      expect(seen.map(({ seq }) => seq)).toEqual(seen.map((_, index) => index + 1))
      expect(seen.map(({ key }) => key.toString('hex')).sort()).toEqual(wanted)
    }
  })

  test('is not held up by a transaction that stays open elsewhere', async () => {
    const late = await connectDirectly({ url })
    await late.query('begin')
    await appendRevocations(late as never, [token('late')])
    await log.append([token('early')])
    expect((await log.advance()).seq).toBe(1)
    await late.query('commit')
    await late.end()
    expect((await log.advance()).seq).toBe(2)
  })
})

describe('the log', () => {
  test('keeps what was written: no entry changes, and none goes before it has expired', async () => {
    await log.append([token('kept')])
    await log.advance()
    await expect(db.query('delete from revocations')).rejects.toMatchObject({ code: 'REV02' })
    await expect(db.query('update revocations set not_before = 1')).rejects.toMatchObject({ code: 'REV01' })
    await expect(db.query('update revocations set pub_seq = 77')).rejects.toMatchObject({ code: 'REV01' })
  })

  test('does not grow by what it says already', async () => {
    expect(await log.append([token('twice')])).toBe(1)
    expect(await log.append([token('twice')])).toBe(0)
    expect(await log.append([{ ...token('twice'), expiresAt: new Date(Date.now() + 7_200_000) }])).toBe(1)
  })

  test('hashes as verifiers do', async () => {
    await log.append([{ ...token('Zoë ☃'), kind: kinds.sub }])
    const { salt } = await log.advance()
    const [entry] = await log.readAfter(0, 10)
    expect(entry?.key).toEqual(entryKey(salt, kinds.sub, 'Zoë ☃'))
  })

  test('loses entries ten minutes after they expire, and says from where on it is whole', async () => {
    await log.append([
      { ...token('gone'), expiresAt: new Date(Date.now() - 700_000) },
      { ...token('just expired'), expiresAt: new Date(Date.now() - 5_000) },
      { ...token('alive'), expiresAt: inAnHour() },
    ])
    await log.advance()
    expect(await removeExpiredRevocations(db)).toBe(1)
    expect(await log.advance()).toMatchObject({ seq: 3, floor: 1 })
    expect((await log.readAfter(0, 10)).map(({ seq }) => seq)).toEqual([2, 3])
  })

  test('loses many in batches', async () => {
    const expiresAt = new Date(Date.now() - 700_000)
    await log.append(Array.from({ length: 25 }, (_, n) => ({ ...token(`gone ${n}`), expiresAt })))
    await log.append([{ ...token('alive'), expiresAt: inAnHour() }])
    await log.advance()
    const pauses: number[] = []
    const pause = async (milliseconds: number) => pauses.push(milliseconds)
    expect(await removeExpiredRevocations(db, { batch: 10, pause })).toBe(25)
    expect(pauses).toHaveLength(2)
    expect(await log.advance()).toMatchObject({ seq: 26, floor: 25 })
  })

  test('keeps entries for as long as the longest-lived token of any API', async () => {
    await db.query(`insert into apis (audience, ttl_seconds) values ('https://slow.example', 7200)`)
    expect(await log.longestTokenSeconds()).toBe(7200)
    await log.append([token('of a slow API')])
    await log.advance()
    const [entry] = await log.readAfter(0, 1)
    expect(entry?.exp ?? 0).toBeGreaterThan(Date.now() / 1000 + 7200)
  })

  test('explains which entry voids a token, before any number was given', async () => {
    await log.append([
      { kind: kinds.sub, value: 'acc_1', notBefore: 'now', cause: 'account.signed-out', actor: 'cli:ada' },
    ])
    const iat = Math.floor(Date.now() / 1000)
    expect(await log.explain({ sub: 'acc_1', iat: iat - 5 })).toMatchObject([
      { kind: kinds.sub, value: 'acc_1', cause: 'account.signed-out', actor: 'cli:ada' },
    ])
    expect(await log.isVoid({ sub: 'acc_1', iat: iat + 2 })).toBe(false)
    expect(await log.isVoid({ sub: 'acc_2', iat: iat - 5 })).toBe(false)
    expect(await log.isVoid({})).toBe(false)
  })
})

describe('a node that follows the log', () => {
  const start = () =>
    LiveLog.start({
      log,
      pollMs: 10,
      onTrouble: (error) => {
        throw error
      },
    })

  test('knows at its start what was revoked before, and learns what is revoked from then on', async () => {
    await log.append([token('before')])
    const live = await start()
    expect(live.voids({ jti: 'before', iat: 1 })).toBe(true)
    await log.append([token('after')])
    await live.look()
    expect(live.voids({ jti: 'after', iat: 1 })).toBe(true)
    expect(live.voids({ jti: 'other', iat: 1 })).toBe(false)
    await live.stop()
  })

  test('tells a database that was restored from an older dump what it has forgotten, under a new epoch', async () => {
    await log.append([token('old')])
    await log.advance()
    const live = await start()
    await log.append([token('forgotten'), { ...token('forgotten for good'), expiresAt: new Date(Date.now() + 1_000) }])
    await live.look()
    const { epoch } = live.head
    await db.query('alter table revocations disable trigger law')
    await db.query('delete from revocations where pub_seq > 1')
    await db.query('alter table revocations enable trigger law')
    await db.query('update revocation_feeds set seq = 1')

    await live.look()
    expect(live.voids({ jti: 'forgotten', iat: 1 })).toBe(true)
    expect(live.head.epoch).not.toBe(epoch)
    const fresh = await start()
    expect(fresh.head.epoch).toBe(live.head.epoch)
    expect(fresh.voids({ jti: 'forgotten', iat: 1 })).toBe(true)
    expect(fresh.voids({ jti: 'old', iat: 1 })).toBe(true)
    await Promise.all([live.stop(), fresh.stop()])
  })

  test('draws a new epoch when a dump is restored while nobody runs', async () => {
    await log.settle(600)
    const { epoch } = await log.advance()
    await log.settle(600)
    expect((await log.advance()).epoch).toBe(epoch)
    await db.query(`update revocation_feeds set place = 'another database'`)
    await log.settle(600)
    expect((await log.advance()).epoch).not.toBe(epoch)
  })

  test('does not grow old while the database answers, and does while it does not', async () => {
    let isAway = false
    const live = await LiveLog.start({
      log: {
        advance: () => (isAway ? Promise.reject(new Error('away')) : log.advance()),
        readAfter: (seq, limit) => log.readAfter(seq, limit),
        restore: (lost, behind) => log.restore(lost, behind),
      },
      pollMs: 5,
      onTrouble: () => undefined,
    })
    await live.look()
    const fresh = live.ageMs
    isAway = true
    await wait(60)
    expect(live.ageMs).toBeGreaterThan(fresh)
    expect(live.ageMs).toBeGreaterThanOrEqual(40)
    await live.stop()
  })
})
