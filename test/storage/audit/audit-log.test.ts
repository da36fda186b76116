import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors/failure.ts'
import { PostgresAuditLog } from '../../../src/storage/audit/audit-log.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { freshDatabase } from '../../harness/database.ts'

let db: Database

beforeAll(async () => {
  db = openDatabase({ url: (await freshDatabase()).url, poolSize: 3 })
})
beforeEach(() => db.query('truncate events restart identity'))
afterAll(() => db.close())

const entry = (n: number) => ({ kind: 'client.created', actor: 'cli:root', clientId: `client-${n}` })

/** A database that is away until told otherwise, and counts what is asked of it. */
function flaky(real: Pick<Database, 'query'>) {
  const state = { away: true, statements: 0 }
  const query: Database['query'] = async (statement, values) => {
    state.statements += 1
    if (state.away) throw new Failure('database_unavailable', 'unavailable', 'away')
    return real.query(statement, values)
  }
  return { state, database: { ...real, query } as Database }
}

test('an entry comes back with everything that was said', async () => {
  const log = new PostgresAuditLog(db)
  log.write({
    kind: 'sign-in.rejected',
    actor: 'anonymous',
    accountId: 'acc_1',
    clientId: 'orders',
    source: '192.0.2.7',
    requestId: 'req-1',
    detail: { reason: 'wrong-password', tries: 3 },
  })
  await log.flush()
  expect(await log.list({ limit: 10 })).toEqual([
    {
      id: 1n,
      at: expect.any(Date),
      kind: 'sign-in.rejected',
      actor: 'anonymous',
      accountId: 'acc_1',
      clientId: 'orders',
      source: '192.0.2.7',
      requestId: 'req-1',
      detail: { reason: 'wrong-password', tries: 3 },
    },
  ])
  await log.close()
})

test('entries are written a hundred at a time, in order', async () => {
  const { state, database } = flaky(db)
  state.away = false
  const log = new PostgresAuditLog(database)
  for (let n = 0; n < 250; n += 1) log.write(entry(n))
  await log.close()
  expect(state.statements).toBe(3)
  const kept = await log.list({ limit: 1000, afterId: 0n })
  expect(kept.map(({ clientId }) => clientId)).toEqual(Array.from({ length: 250 }, (_, n) => `client-${n}`))
})

test('entries are written by themselves within moments', async () => {
  const log = new PostgresAuditLog(db, { flushMs: 10 })
  log.write(entry(1))
  let kept: unknown[] = []
  for (let tries = 0; tries < 200 && kept.length === 0; tries += 1) {
    await new Promise((resolve) => setTimeout(resolve, 25))
    kept = await log.list({ limit: 1 })
  }
  expect(kept).toHaveLength(1)
  await log.close()
})

describe('while the database is away', () => {
  test('writing goes on, and what waited is kept when it is back', async () => {
    const { state, database } = flaky(db)
    const troubles: unknown[] = []
    const log = new PostgresAuditLog(database, { onTrouble: (_error, at) => troubles.push(at) })
    log.write(entry(1))
    await log.flush()
    log.write(entry(2))
    await log.flush()
    expect(troubles).toEqual([{ buffered: 1, dropped: 0 }])
    expect(log.state).toEqual({ buffered: 2, dropped: 0 })
    state.away = false
    await log.close()
    expect(log.state.buffered).toBe(0)
    expect(await log.list({ limit: 10 })).toHaveLength(2)
  })

  test('the buffer is bounded, and what did not fit is counted', async () => {
    const { database } = flaky(db)
    const log = new PostgresAuditLog(database, { bufferLimit: 5 })
    for (let n = 0; n < 8; n += 1) log.write(entry(n))
    expect(log.state).toEqual({ buffered: 5, dropped: 3 })
    await log.close()
  })

  test('the end of the process does not wait for it for ever', async () => {
    const { state, database } = flaky(db)
    const log = new PostgresAuditLog(database)
    log.write(entry(1))
    await log.close()
    expect(state.statements).toBe(3)
  })
})

describe('hostile values', () => {
  test('control characters are escaped, long texts cut, NUL does no harm', async () => {
    const log = new PostgresAuditLog(db)
    log.write({
      kind: 'origin.refused',
      actor: 'client:\u0000x\n',
      source: 'y'.repeat(5000),
      detail: { origin: 'https://\u001b[2J\u0000' },
    })
    await log.close()
    const [kept] = await log.list({ limit: 1 })
    expect(kept?.actor).toBe('client:\\u0000x\\u000a')
    expect(kept?.source).toHaveLength(513)
    expect(kept?.detail).toEqual({ origin: 'https://\\u001b[2J\\u0000' })
  })

  test('a secret that slipped into an entry is not kept', async () => {
    const log = new PostgresAuditLog(db)
    log.write({
      kind: 'client.changed',
      actor: 'cli:root',
      detail: { clientSecret: 'clv_1234', nested: { password: 'x' } },
    })
    await log.close()
    expect((await log.list({ limit: 1 }))[0]?.detail).toEqual({
      clientSecret: '[redacted]',
      nested: { password: '[redacted]' },
    })
  })
})

describe('reading', () => {
  test('the latest come first; after an entry the next ones follow in order', async () => {
    const log = new PostgresAuditLog(db)
    for (let n = 1; n <= 5; n += 1) log.write({ ...entry(n), accountId: n % 2 ? 'odd' : 'even' })
    await log.close()
    expect((await log.list({ limit: 2 })).map(({ id }) => id)).toEqual([5n, 4n])
    expect((await log.list({ limit: 2, afterId: 2n })).map(({ id }) => id)).toEqual([3n, 4n])
    expect((await log.list({ limit: 9, accountIds: ['even'] })).map(({ id }) => id)).toEqual([4n, 2n])
    expect(await log.list({ limit: 9, kind: 'nothing.such' })).toEqual([])
  })

  test('whoever follows the log misses nothing that two processes write at once', async () => {
    const logs = [new PostgresAuditLog(db, { batchSize: 5 }), new PostgresAuditLog(db, { batchSize: 5 })]
    for (let n = 0; n < 100; n += 1) logs[n % 2]?.write(entry(n))
    const seen: bigint[] = []
    const follow = async () => {
      for (let tries = 0; tries < 200 && seen.length < 100; tries += 1) {
        const page = await (logs[0] as PostgresAuditLog).list({ limit: 50, afterId: seen.at(-1) ?? 0n })
        seen.push(...page.map(({ id }) => id))
      }
    }
    await Promise.all([follow(), ...logs.map((log) => log.close())])
    await follow()
    expect(seen).toHaveLength(100)
  })
})
