import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Failure } from '../../../src/errors/failure.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { emptyDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'

let place: TestDatabase
let db: Database
let lost: Error[]

beforeEach(async () => {
  place = await emptyDatabase()
  lost = []
  db = openDatabase({ url: place.url, onConnectionLost: (error) => lost.push(error) })
})

afterEach(async () => {
  await db.close()
  await place.drop()
})

/** From another connection, as an operator or a restart would. */
async function cutAllConnections(): Promise<void> {
  const operator = openDatabase({ url: place.url, applicationName: 'operator' })
  await operator.query(
    `select pg_terminate_backend(pid) from pg_stat_activity where datname = current_database() and application_name = 'claviger'`,
  )
  await operator.close()
}

describe('queries', () => {
  test('a statement with a name is prepared once a connection and may run any number of times', async () => {
    const statement = (value: number) => ({ name: 'add-one', text: 'select $1::int + 1 as sum', values: [value] })
    expect((await db.query(statement(1))).rows).toEqual([{ sum: 2 }])
    expect((await db.query(statement(2))).rows).toEqual([{ sum: 3 }])
    const prepared = await db.query(`select name from pg_prepared_statements where name = 'add-one'`)
    expect(prepared.rowCount).toBe(1)
  })

  test('connections carry a name and a time limit', async () => {
    const { rows } = await db.query(
      `select current_setting('application_name') as name, current_setting('statement_timeout') as most`,
    )
    expect(rows).toEqual([{ name: 'claviger', most: '15s' }])
  })

  test('a statement that takes too long is ended and counts as unavailable', async () => {
    const hasty = openDatabase({ url: place.url, statementTimeoutMs: 50 })
    await expect(hasty.query('select pg_sleep(20)')).rejects.toMatchObject({ code: 'database_unavailable' })
    await hasty.close()
  })

  test('an error of the statement itself stays what it is', async () => {
    await expect(db.query('select 1/0')).rejects.toMatchObject({ code: '22012' })
  })
})

describe('look-ups', () => {
  const ask = (value: unknown) =>
    db.lookUp<{ half: number; pid: number }>({
      name: 'half',
      text: 'select $1::int / 2 as half, pg_backend_pid() as pid',
      values: [value],
    })

  test('many at a time go over one connection, and each gets its own answer', async () => {
    const rows = (await Promise.all(Array.from({ length: 200 }, (_, n) => ask(2 * n)))).map((answer) => answer.rows[0])
    expect(rows.map((row) => row?.half)).toEqual(Array.from({ length: 200 }, (_, n) => n))
    expect(new Set(rows.map((row) => row?.pid)).size).toBe(1)
  })

  test('what one of them asks wrongly is its own fault and harms no other', async () => {
    const outcomes = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => ask(n % 4 === 1 ? 'none' : 2 * n)))
    for (const [n, outcome] of outcomes.entries()) {
      if (n % 4 === 1) expect(outcome).toMatchObject({ status: 'rejected', reason: { code: '22P02' } })
      else expect(outcome).toMatchObject({ value: { rows: [{ half: n }] } })
    }
  })

  test('a connection cut under load is a Failure for some, and the next ones get another', async () => {
    let running = true
    const failures: unknown[] = []
    const load = Array.from({ length: 20 }, async () => {
      while (running) await ask(2).catch((error: unknown) => failures.push(error))
    })
    for (let round = 0; round < 5; round += 1) {
      await ask(2).catch(() => undefined)
      await cutAllConnections()
    }
    running = false
    await Promise.all(load)
    for (const failure of failures) expect(failure).toMatchObject({ code: 'database_unavailable' })
    expect((await ask(2)).rows).toMatchObject([{ half: 1 }])
  })

  test('a connection lost while idle is told of and replaced', async () => {
    const before = (await ask(2)).rows[0]?.pid
    await cutAllConnections()
    expect(await eventually(() => lost.length > 0 || undefined)).toBe(true)
    expect((await ask(2)).rows[0]?.pid).not.toBe(before)
  })

  test('a database that is away is a Failure each time', async () => {
    const away = openDatabase({ url: 'postgres://x@127.0.0.1:1/x' })
    for (let tries = 0; tries < 3; tries += 1) {
      await expect(away.lookUp({ text: 'select 1' })).rejects.toMatchObject({ code: 'database_unavailable' })
    }
    await away.close()
  })

  test('closing waits for those under way; one after it is a Failure', async () => {
    const asked = Array.from({ length: 20 }, () => ask(2))
    await asked[0]
    await db.close()
    expect(await Promise.all(asked)).toHaveLength(20)
    await expect(ask(2)).rejects.toMatchObject({ code: 'database_unavailable' })
  })
})

describe('transactions', () => {
  beforeEach(() => db.query('create table notes (body text)'))
  const count = async () => (await db.query<{ n: number }>('select count(*)::int as n from notes')).rows[0]?.n

  test('what it did is there when it ends well', async () => {
    const body = await db.transaction(async (client) => {
      const { rows } = await client.query<{ body: string }>('insert into notes values ($1) returning body', ['kept'])
      return rows[0]?.body
    })
    expect([body, await count()]).toEqual(['kept', 1])
  })

  test('nothing of it is there when it throws, and what was thrown comes through', async () => {
    const boom = new Error('boom')
    const failing = db.transaction(async (client) => {
      await client.query('insert into notes values ($1)', ['lost'])
      throw boom
    })
    await expect(failing).rejects.toBe(boom)
    expect(await count()).toBe(0)
    expect(db.load).toMatchObject({ total: 1, idle: 1 })
  })

  test('a connection lost in the middle is a Failure, and the next transaction gets another', async () => {
    const failing = db.transaction(async (client) => {
      await client.query('insert into notes values ($1)', ['lost'])
      await cutAllConnections()
      await client.query('insert into notes values ($1)', ['lost too'])
    })
    await expect(failing).rejects.toMatchObject({ code: 'database_unavailable', kind: 'unavailable' })
    await db.transaction((client) => client.query('insert into notes values ($1)', ['kept']))
    expect(await count()).toBe(1)
  })
})

describe('a database that goes away', () => {
  test('pg_terminate_backend on all connections under load leaves the process alive, and queries work again', async () => {
    const outcomes: unknown[] = []
    let running = true
    const load = Array.from({ length: 20 }, async () => {
      for (let round = 0; running && round < 10_000; round += 1) {
        outcomes.push(await db.query('select 1 as one').catch((error: unknown) => error))
      }
    })
    for (let round = 0; round < 5; round += 1) {
      await cutAllConnections()
      await new Promise((resolve) => setTimeout(resolve, 20))
    }
    running = false
    await Promise.all(load)
    const failed = outcomes.filter((outcome) => outcome instanceof Error)
    expect(failed.filter((error) => !(error instanceof Failure && error.code === 'database_unavailable'))).toEqual([])
    expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test('connections lost while idle are told of and replaced', async () => {
    await Promise.all(Array.from({ length: 4 }, () => db.query('select pg_sleep(0.01)')))
    await cutAllConnections()
    for (let tries = 0; tries < 200 && lost.length < 4; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 10))
    expect(lost).toHaveLength(4)
    expect((await db.query('select 1 as one')).rows).toEqual([{ one: 1 }])
  })

  test.each([
    ['nobody listens', 'postgres://x@127.0.0.1:1/x'],
    ['there is no socket', 'postgres://x@localhost/x?host=%2Fnonexistent'],
    ['its name is unknown', 'postgres://x@nowhere.invalid/x'],
  ])('%s: a Failure that says when to try again, and no word of where it is', async (_, url) => {
    const away = openDatabase({ url })
    const error = await away.query('select 1').catch((thrown: unknown) => thrown)
    expect(error).toMatchObject({ code: 'database_unavailable', kind: 'unavailable', retryAfterSeconds: 2 })
    expect((error as Failure).message).toBe('The database cannot be reached right now.')
    await away.close()
  })

  test('a server that accepts and says nothing is given up after the time set', async () => {
    const silent = createServer(() => {}).listen(0, '127.0.0.1')
    await new Promise((resolve) => silent.once('listening', resolve))
    const { port } = silent.address() as { port: number }
    const away = openDatabase({ url: `postgres://x@127.0.0.1:${port}/x`, connectTimeoutMs: 100 })
    await expect(away.query('select 1')).rejects.toMatchObject({ code: 'database_unavailable' })
    await away.close()
    silent.close()
  })

  test('a wrong database name is refused with a sentence for the operator', async () => {
    const wrong = openDatabase({ url: place.url.replace(/\/test_\w+\?/, '/no_such_database?') })
    await expect(wrong.query('select 1')).rejects.toMatchObject({ code: 'database_refused', kind: 'unavailable' })
    await wrong.close()
  })

  test('waiting for a connection is bounded', async () => {
    const narrow = openDatabase({ url: place.url, poolSize: 1, connectTimeoutMs: 50 })
    const first = narrow.query('select pg_sleep(0.5)')
    await expect(narrow.query('select 1')).rejects.toMatchObject({ code: 'database_unavailable' })
    await first
    await narrow.close()
  })

  test('closing twice is harmless, and a query after it is a Failure', async () => {
    await db.close()
    await db.close()
    await expect(db.query('select 1')).rejects.toMatchObject({ code: 'database_unavailable' })
  })
})
