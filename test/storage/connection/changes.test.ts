import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { Changes } from '../../../src/storage/connection/changes.ts'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'

let place: TestDatabase
let db: Database
let seen: string[]
let troubles: unknown[]
let changes: Changes

beforeEach(async () => {
  place = await freshDatabase()
  db = openDatabase({ url: place.url, applicationName: 'writer' })
  seen = []
  troubles = []
  changes = watch()
})

afterEach(async () => {
  await changes.stop()
  await db.close()
  await place.drop()
})

function watch(pollMs?: number): Changes {
  const one = new Changes({
    database: { url: place.url },
    onTrouble: (error) => troubles.push(error),
    ...(pollMs === undefined ? {} : { pollMs }),
  })
  for (const topic of ['clients', 'keys']) one.on(topic, (name) => void seen.push(name))
  return one
}

let audiences = 0
function changeClients() {
  audiences += 1
  return db.query('insert into apis (audience) values ($1)', [`https://api-${audiences}.test`])
}

async function until(holds: () => boolean): Promise<void> {
  for (let tries = 0; tries < 500 && !holds(); tries += 1) await new Promise((resolve) => setTimeout(resolve, 10))
  expect(holds()).toBe(true)
}

const cut = () =>
  db.query(`select pg_terminate_backend(pid, 2000) from pg_stat_activity
             where application_name = 'claviger listens' and datname = current_database()`)

test('a committed change of a topic is told to those who listen to it, and to no others', async () => {
  await changes.start()
  await changeClients()
  await until(() => seen.length > 0)
  expect(seen).toEqual(['clients'])
})

test('what was there before the start is no change, and neither is a rolled-back one', async () => {
  await changeClients()
  await changes.start()
  await db
    .transaction(async (client) => {
      await client.query(`insert into apis (audience) values ('https://never.test')`)
      throw new Error('no')
    })
    .catch(() => {})
  await db.query(`update change_counters set version = version + 1 where topic = 'keys'`)
  await until(() => seen.length > 0)
  expect(seen).toEqual(['keys'])
})

test('a change without a notification is found by the poll', async () => {
  await changes.start()
  await db.query(`update change_counters set version = version + 1 where topic = 'keys'`)
  await until(() => seen.includes('keys'))
})

test('a change made while the connection was gone is told after it is back', async () => {
  await changes.start()
  await cut()
  await changeClients()
  await until(() => seen.includes('clients'))
  seen.length = 0
  await changeClients()
  await until(() => seen.includes('clients'))
})

test('being cut off again and again does not end the watch', async () => {
  await changes.start()
  for (let round = 0; round < 10; round += 1) await cut()
  await changeClients()
  await until(() => seen.includes('clients'))
})

test('a listener that fails is told again until it succeeds', async () => {
  let calls = 0
  changes.on('clients', () => {
    calls += 1
    if (calls < 3) throw new Error('not now')
  })
  await changes.start()
  await changeClients()
  await until(() => calls === 3)
  expect(troubles).toHaveLength(2)
})

test('after the stop nothing is told, and stopping twice is harmless', async () => {
  await changes.start()
  await changes.stop()
  await changes.stop()
  await changeClients()
  expect(seen).toEqual([])
  const { rowCount } = await db.query(
    `select from pg_stat_activity where application_name = 'claviger listens' and datname = current_database()`,
  )
  expect(rowCount).toBe(0)
})

test('a database that is away at the start is a Failure', async () => {
  const away = new Changes({ database: { url: 'postgres://x@127.0.0.1:1/x' }, onTrouble: () => {} })
  await expect(away.start()).rejects.toMatchObject({ code: 'database_unavailable' })
  await away.stop()
})

/** A Postgres that says welcome and goodbye in one breath, as one does that is told to stop just then. */
async function dyingPostgres() {
  const message = (type: string, body: Buffer) => {
    const length = Buffer.alloc(4)
    length.writeInt32BE(body.length + 4)
    return Buffer.concat([Buffer.from(type), length, body])
  }
  const goodbye = 'SFATAL\0VFATAL\0C57P01\0Mterminating connection due to administrator command\0\0'
  const server = createServer((socket) => {
    socket.on('error', () => {})
    socket.once('data', () =>
      socket.end(
        Buffer.concat([
          message('R', Buffer.alloc(4)),
          message('Z', Buffer.from('I')),
          message('E', Buffer.from(goodbye)),
        ]),
      ),
    )
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  return { url: `postgres://nobody@127.0.0.1:${port}/none?sslmode=disable`, server }
}

test('a server that ends the connection at the very moment it is made is trouble, and not the end of us', async () => {
  const { url, server } = await dyingPostgres()
  const watching = new Changes({ database: { url }, onTrouble: (error) => troubles.push(error) })
  await expect(watching.start()).rejects.toMatchObject({ code: 'database_unavailable' })
  await watching.stop()
  server.close()
})
