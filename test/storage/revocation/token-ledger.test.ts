import { fork } from 'node:child_process'
import { randomBytes, randomInt } from 'node:crypto'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import fc from 'fast-check'
import type { ModelChanges } from '../../../src/oidc/state/model-store.ts'
import { CutOffs } from '../../../src/revocation/cut-offs.ts'
import { entryKey } from '../../../src/revocation/entry-key.ts'
import type { IssuedToken } from '../../../src/revocation/issued-token.ts'
import { type Entry, kinds, type TokenMarks } from '../../../src/revocation/revocation.ts'
import { statusListSize } from '../../../src/revocation/status-list.ts'
import type { StatusLease } from '../../../src/revocation/token-ledger.ts'
import { type Database, openDatabase, type Statement } from '../../../src/storage/connection/database.ts'
import { PostgresModelStore } from '../../../src/storage/protocol/model-store.ts'
import { PostgresTokenLedger } from '../../../src/storage/revocation/token-ledger.ts'
import { freshDatabase } from '../../harness/database.ts'

const issuer = 'https://id.example'
const nothing: ModelChanges = { upserts: [], consumes: [], destroys: [], revokedGrants: [] }
const newId = () => randomBytes(16).toString('base64url')
const now = () => Math.floor(Date.now() / 1000)

let url: string
let db: Database
let ledger: PostgresTokenLedger
let salt: Buffer

beforeAll(async () => {
  ;({ url } = await freshDatabase())
  db = openDatabase({ url })
  ledger = new PostgresTokenLedger(db)
  const { rows } = await db.query<{ salt: Buffer }>('select salt from revocation_feeds')
  salt = rows[0]?.salt ?? Buffer.alloc(0)
})
afterAll(() => db.close())
beforeEach(async () => {
  await db.query('with emptied as (delete from issued_tokens) delete from status_lists')
  await db.query('update token_ledger set complete_from = null')
})

const token = (marks: TokenMarks = {}, more: Partial<IssuedToken> = {}): IssuedToken => ({
  marks: { jti: newId(), client: 'app', kid: 'key', issuer, iat: now(), ...marks },
  digest: randomBytes(32),
  list: 1,
  idx: randomInt(statusListSize),
  exp: now() + 600,
  ...more,
})

const count = async (sql = 'select count(*)::int as n from issued_tokens') =>
  (await db.query<{ n: number }>(sql)).rows[0]?.n

/** The same database; keeps the name of every statement that it was asked. */
function counting(): { db: Database; asked: string[] } {
  const asked: string[] = []
  const query = (statement: string | Statement, values?: readonly unknown[]) => {
    asked.push(typeof statement === 'string' ? statement : (statement.name ?? statement.text))
    return db.query(statement, values)
  }
  return { asked, db: { ...db, query, transaction: (work) => db.transaction(work) } as Database }
}

const refreshToken = () => ({ model: 'RefreshToken' as const, id: newId(), payload: {}, expiresAt: now() + 600 })
const code = () => ({ model: 'AuthorizationCode' as const, id: newId() })

/** What requests change, by what they are. Each gets a code of its own that it may spend. */
const shapes: [string, (unspent: ReturnType<typeof code>) => Partial<ModelChanges>][] = [
  ['credentials of a service, which change nothing', () => ({})],
  ['a first refresh token', () => ({ upserts: [refreshToken()] })],
  [
    'a code for a refresh token',
    (unspent) => ({ consumes: [{ ...unspent, graceSeconds: 0 }], upserts: [refreshToken()] }),
  ],
  ['a code for an access token alone', (unspent) => ({ consumes: [{ ...unspent, graceSeconds: 0 }] })],
  ['several things at once', () => ({ upserts: [refreshToken(), refreshToken()], destroys: [code()] })],
  [
    'a revocation besides',
    () => ({ revocations: [{ kind: kinds.jti, value: newId(), cause: 'token.revoked' }], upserts: [refreshToken()] }),
  ],
]

describe('writing a token down', () => {
  test.each(shapes)('takes no statement more than the request itself: %s', async (_, shape) => {
    const [plain, kept] = [counting(), counting()]
    const [one, other] = [code(), code()]
    for (const unspent of [one, other]) {
      await new PostgresModelStore(db).commit({
        ...nothing,
        upserts: [{ ...unspent, payload: {}, expiresAt: now() + 60 }],
      })
    }
    const without = { ...nothing, ...shape(one) }
    const isEmpty = Object.values(without).flat().length === 0
    if (!isEmpty) expect(await new PostgresModelStore(plain.db).commit(without)).toBe(true)
    const issued = token()
    expect(await new PostgresModelStore(kept.db).commit({ ...nothing, ...shape(other), issued })).toBe(true)
    expect(kept.asked).toHaveLength(Math.max(plain.asked.length, isEmpty ? 1 : 0))
    expect(plain.asked.join()).not.toContain('record')
    expect(await ledger.history(issued.marks, issued)).toMatchObject({ ledger: 'present' })
  })

  test('is undone with the rest when a code was spent by somebody else', async () => {
    const store = new PostgresModelStore(db)
    const spent = { ...code(), graceSeconds: 0 }
    await store.commit({ ...nothing, upserts: [{ ...spent, payload: {}, expiresAt: now() + 60 }] })
    await store.commit({ ...nothing, consumes: [spent] })
    expect(await store.commit({ ...nothing, consumes: [spent], upserts: [refreshToken()], issued: token() })).toBe(
      false,
    )
    expect(await store.commit({ ...nothing, consumes: [spent], issued: token() })).toBe(false)
    expect(await count()).toBe(0)
  })

  test('finds a place for every life a token may have, in a table of those that expire with it', async () => {
    const store = new PostgresModelStore(db)
    for (let hours = 0; hours <= 24; hours += 2) {
      await store.commit({ ...nothing, issued: token({}, { exp: now() + hours * 3600 }) })
    }
    expect(await count()).toBe(13)
    expect(await count('select count(distinct tableoid)::int as n from issued_tokens')).toBe(13)
  })
})

interface Lessee {
  lease(leases: number, size: number): Promise<StatusLease[]>
  stop(): Promise<void>
}

async function startLessee(): Promise<Lessee> {
  const child = fork(new URL('../lessee.ts', import.meta.url), [url], { execArgv: [] })
  const next = () =>
    new Promise<StatusLease[]>((resolve) => child.once('message', (message) => resolve(message as StatusLease[])))
  await next()
  return {
    lease(leases, size) {
      const answer = next()
      child.send({ leases, size })
      return answer
    },
    stop: () =>
      new Promise((resolve) => {
        child.once('exit', () => resolve())
        child.disconnect()
      }),
  }
}

describe('a lease of indices', () => {
  test('overlaps no other, among two processes that race over the ends of several lists', async () => {
    const lessees = await Promise.all([startLessee(), startLessee()])
    try {
      const size = statusListSize / 16
      const leases = (await Promise.all(lessees.map((lessee) => lessee.lease(40, size)))).flat()
      expect(leases).toHaveLength(80)
      expect(new Set(leases.map(({ list, first }) => `${list}/${first}`)).size).toBe(80)
      for (const { first } of leases) {
        expect(first % size).toBe(0)
        expect(first + size).toBeLessThanOrEqual(statusListSize)
      }
      expect(await ledger.livingLists()).toHaveLength(5)
    } finally {
      await Promise.all(lessees.map((lessee) => lessee.stop()))
    }
  })

  test('is of another list after a restore, for indices of the old ones may have been given since the dump', async () => {
    const before = await ledger.lease(64)
    await db.query('update revocation_feeds set epoch = gen_random_uuid()')
    const after = await ledger.lease(64)
    expect(after.first).toBe(0)
    expect(after.list).not.toBe(before.list)
    expect(await ledger.livingLists()).toEqual([before.list, after.list])
  })
})

/** Few names, so that entries and tokens meet. */
const name = fc.constantFrom('a', 'b', 'c')
const iat = fc.integer({ min: 100, max: 104 })
const marks = fc.record({
  jti: name,
  sid: fc.option(name, { nil: undefined }),
  grant: fc.option(name, { nil: undefined }),
  sub: fc.option(name, { nil: undefined }),
  client: name,
  kid: name,
  issuer: fc.constant(issuer),
  iat,
})
const entry = fc.record({
  kind: fc.constantFrom(...Object.values(kinds)),
  value: name,
  notBefore: fc.option(iat),
})

describe('what a revocation voids', () => {
  test('is found in the ledger exactly as cut-offs say of the tokens themselves', async () => {
    const store = new PostgresModelStore(db)
    await fc.assert(
      fc.asyncProperty(fc.array(marks, { maxLength: 10 }), fc.array(entry, { maxLength: 4 }), async (all, logged) => {
        await db.query('delete from issued_tokens')
        const entries = logged.map(
          ({ kind, value, notBefore }): Entry => ({
            kind,
            key: entryKey(salt, kind, kind === kinds.issuer ? issuer : value),
            notBefore,
            exp: now() + 600,
          }),
        )
        await Promise.all(
          all.map((one, idx) => store.commit({ ...nothing, issued: token(one, { idx, list: idx % 2 }) })),
        )
        const cutOffs = new CutOffs(salt)
        for (const one of entries) cutOffs.add(one)
        const found: string[] = []
        await ledger.findVoid(entries, (list, indices) => found.push(...indices.map((idx) => `${list}/${idx}`)))
        const wanted = all.flatMap((one, idx) => (cutOffs.voids(one) ? [`${idx % 2}/${idx}`] : []))
        expect([...new Set(found)].sort()).toEqual(wanted.sort())
      }),
      { numRuns: 30 },
    )
  })

  test('is not looked for among tokens that have expired anyway', async () => {
    const store = new PostgresModelStore(db)
    await store.commit({ ...nothing, issued: token({}, { exp: now() - 3_000 }) })
    const entries = [
      { kind: kinds.client, key: entryKey(salt, kinds.client, 'app'), notBefore: null, exp: now() + 600 },
    ]
    const found: number[] = []
    await ledger.findVoid(entries, (_, indices) => found.push(...indices))
    expect(found).toEqual([])
  })
})

describe('what a token says of itself, true or not', () => {
  const odd = [0, -1, 1.5, -1e300, 9e15, 1e300, Number.MAX_VALUE, Number.POSITIVE_INFINITY]

  test('is looked up in the ledger without an error', async () => {
    const store = new PostgresModelStore(db)
    for (const exp of odd) {
      for (const iat of [0, -1, -9e15, 9e15, undefined]) {
        const marks = { jti: newId(), client: 'app', kid: 'key', issuer, iat }
        const entry = { digest: randomBytes(32), exp }
        expect(await ledger.history(marks, entry)).toMatchObject({ refreshedAt: undefined })
        expect(await store.findTokenStatus(marks, entry)).toMatchObject({ isRevoked: false })
      }
    }
  })

  test('never makes it older than a token can be: what says so is missing', async () => {
    await ledger.settle(true)
    await db.query(`update token_ledger set complete_from = now() - interval '1 day'`)
    for (const iat of [0, now() - 200_000, 9e15, undefined]) {
      const marks = { jti: newId(), client: 'app', kid: 'key', issuer, iat }
      const entry = { digest: randomBytes(32), exp: now() + 60 }
      expect(await new PostgresModelStore(db).findTokenStatus(marks, entry)).toMatchObject({ isMissing: true })
      expect(await ledger.history(marks, entry)).toMatchObject({ ledger: 'missing' })
    }
  })
})

describe('the schedule', () => {
  /** In the middle of two hours, so that none end while the test runs. */
  const noon = Math.floor(now() / 7_200) * 7_200 + 3_600
  const hours = (ago: number) => noon - ago * 3_600

  test('empties what expired four hours ago at one stroke, and nothing that lives or expired in the last two', async () => {
    const store = new PostgresModelStore(db)
    const exps = [hours(4), hours(4) + 1, hours(2), hours(1), noon, noon + 600, noon + 86_400]
    for (const exp of exps) await store.commit({ ...nothing, issued: token({}, { exp }) })
    expect(await ledger.tidy(new Date(noon * 1_000))).toBe(true)
    const { rows } = await db.query<{ exp: number }>('select exp::float8 as exp from issued_tokens order by exp')
    expect(rows.map(({ exp }) => exp)).toEqual(exps.slice(2))
    expect(await ledger.tidy(new Date(noon * 1_000))).toBe(false)
  })

  test('does not wait for whoever is reading; what it could not empty is emptied the next time', async () => {
    const issued = token({}, { exp: hours(4) })
    await new PostgresModelStore(db).commit({ ...nothing, issued })
    await db.transaction(async (reader) => {
      await reader.query('select count(*) from issued_tokens')
      expect(await ledger.tidy(new Date(noon * 1_000))).toBe(false)
    })
    expect(await ledger.tidy(new Date(noon * 1_000))).toBe(true)
  })

  test('forgets lists of which no token can be alive, but never the one that is being given out', async () => {
    const leases = []
    for (let n = 0; n < 3; n += 1) leases.push(await ledger.lease(statusListSize))
    const [first, ...living] = leases.map(({ list }) => list)
    await db.query(`update status_lists set leased_at = leased_at - interval '1 hour 30 minutes' where id = $1`, [
      first,
    ])
    await ledger.tidy()
    expect(await ledger.livingLists()).toEqual(living)
    await db.query(`update status_lists set leased_at = leased_at - interval '9 days'`)
    await ledger.tidy()
    expect(await ledger.livingLists()).toEqual(living.slice(-1))
  })
})

describe('the ledger counts as complete', () => {
  const completeInSeconds = async () =>
    (
      await db.query<{ seconds: number | null }>(
        'select extract(epoch from complete_from - now())::float8 as seconds from token_ledger',
      )
    ).rows[0]?.seconds ?? undefined

  test('some minutes after the first node keeps it, and not while any node was started without', async () => {
    await ledger.settle(true)
    const first = await completeInSeconds()
    expect(first).toBeGreaterThan(60)
    await db.query(`update token_ledger set complete_from = complete_from - interval '1 hour'`)
    await ledger.settle(true)
    expect(await completeInSeconds()).toBeLessThan(0)
    await ledger.settle(false)
    expect(await completeInSeconds()).toBeUndefined()
  })

  test('only for what is issued after a restore', async () => {
    await ledger.settle(true)
    await db.query(`update token_ledger set complete_from = now() - interval '1 day'`)
    const issued = token({ iat: now() - 5 })
    expect(await ledger.history(issued.marks, issued)).toMatchObject({ ledger: 'missing' })
    await db.query('update revocation_feeds set epoch = gen_random_uuid()')
    expect(await ledger.history(issued.marks, issued)).toMatchObject({ ledger: 'unknown' })
  })
})
