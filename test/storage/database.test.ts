import { createServer } from 'node:net'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Failure } from '../../src/errors/failure.ts'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { emptyDatabase, type TestDatabase } from '../harness/database.ts'

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
