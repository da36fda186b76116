/** Rotations that are interrupted: nodes killed at every step, Postgres restarted in the middle, ten nodes at once. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { embeddedUrl, ensureRunning, postgresFolder } from '../../../src/storage/embedded/embedded-postgres.ts'
import { stop } from '../../../src/storage/embedded/postgres-process.ts'
import { migrate } from '../../../src/storage/schema/migrations.ts'
import { type Program, runProgram } from '../../harness/program.ts'
import { ageKeys } from '../../storage/age-keys.ts'

const month = 31 * 86_400
const kek = randomBytes(32).toString('base64url')
let home: string
let url: string
let db: Database
const started: Program[] = []

const startNode = async (manner?: string): Promise<Program> => {
  const node = runProgram(join(import.meta.dirname, 'rotating-node.ts'), [url, kek, ...(manner ? [manner] : [])])
  started.push(node)
  expect(await node.line()).toBe('ready')
  return node
}

const states = async () => {
  const { rows } = await db.query<{ state: string; count: number }>(
    'select state::text, count(*)::int as count from signing_keys group by state',
  )
  return Object.fromEntries(rows.map(({ state, count }) => [state, count]))
}

beforeAll(async () => {
  // A Postgres of this test's own, since it is to be stopped.
  home = await realpath(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'crashes-')))
  await ensureRunning(home, postgresFolder(home, false))
  url = await embeddedUrl(home, 'postgres')
  await migrate({ url })
  db = openDatabase({ url, poolSize: 2 })
  await (await startNode()).end()
  // So that the standby signs for one app first, which is a step of its own.
  await db.query(`insert into clients (id, name, preset) values ('shop', 'Shop', 'spa')`)
  await db.query(`insert into signing_key_canary (client_id) values ('shop')`)
}, 240_000)

afterAll(async () => {
  await Promise.all(started.map((node) => node.kill()))
  await db?.close()
  await stop(postgresFolder(home, false))
})

test.each([
  ['before its first write', 'dies-at-0'],
  ['after the standby began to sign for the canary', 'dies-at-1'],
  ['after the old key retired', 'dies-at-2'],
  ['after the standby began to sign', 'dies-at-3'],
  ['when all is written but not committed', 'dies-at-commit'],
  ['after the commit', 'dies-at-end'],
])(
  'a node that is killed (-9) %s leaves exactly one active key, and the next node does what is left',
  async (_, manner) => {
    await ageKeys(db, month)
    const before = await states()
    const doomed = await startNode(manner)
    doomed.say('rotate')
    await expect(doomed.line()).rejects.toThrow('ended')
    const isDone = manner === 'dies-at-end'
    const after = { ...before, retired: (before['retired'] ?? 0) + 1 }
    expect(await states()).toEqual(isDone ? after : before)
    const next = await startNode()
    next.say('rotate')
    expect(await next.line()).toBe(isDone ? '0' : '4')
    await next.end()
    expect(await states()).toEqual(after)
    expect(await states()).toMatchObject({ active: 1, pending: 1 })
  },
)

test('Postgres restarted in the middle of a rotation leaves exactly one active key, and the rotation is done afterwards', async () => {
  await ageKeys(db, month)
  const before = await states()
  const waiting = await startNode('waits-at-2')
  waiting.say('rotate')
  expect(await waiting.line()).toBe('in the middle')
  await stop(postgresFolder(home, false))
  await ensureRunning(home, postgresFolder(home, false))
  expect(await waiting.line()).toBe('failed: database_unavailable')
  await waiting.kill()
  expect(await states()).toEqual(before)
  const next = await startNode()
  next.say('rotate')
  expect(await next.line()).toBe('4')
  await next.end()
  expect(await states()).toMatchObject({ active: 1, pending: 1 })
})

test('ten processes that reach the due time at once make exactly one new key', async () => {
  await ageKeys(db, month)
  const { rows } = await db.query<{ count: number }>('select count(*)::int as count from signing_keys')
  const nodes = await Promise.all(Array.from({ length: 10 }, () => startNode()))
  for (const node of nodes) node.say('rotate')
  const told = await Promise.all(nodes.map((node) => node.line()))
  expect(told.toSorted()).toEqual([...Array(9).fill('0'), '4'])
  await Promise.all(nodes.map((node) => node.end()))
  const after = await db.query<{ count: number }>('select count(*)::int as count from signing_keys')
  expect(after.rows[0]?.count).toBe((rows[0]?.count ?? 0) + 1)
  expect(await states()).toMatchObject({ active: 1, pending: 1 })
}, 240_000)
