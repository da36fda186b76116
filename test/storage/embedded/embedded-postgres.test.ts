import { mkdir, mkdtemp, readFile, realpath, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { Changes } from '../../../src/storage/connection/changes.ts'
import { connectDirectly, openDatabase } from '../../../src/storage/connection/database.ts'
import { type EmbeddedPostgres, joinOrStart, postgresFolder } from '../../../src/storage/embedded/embedded-postgres.ts'
import { runningPid, stop } from '../../../src/storage/embedded/postgres-process.ts'
import { type Program, runProgram } from '../../harness/program.ts'

const joinProgram = join(import.meta.dirname, 'join-server.ts')

let home: string
let joined: EmbeddedPostgres[]
let programs: Program[]

beforeEach(async () => {
  home = await realpath(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'data-')))
  joined = []
  programs = []
})

afterEach(async () => {
  await Promise.all(programs.map((program) => program.kill()))
  await Promise.all(joined.map((one) => one.stop()))
  await stop(postgresFolder(home))
  await rm(home, { recursive: true, force: true })
})

async function joinAs(role: 'serve' | 'command', dataDir = home): Promise<EmbeddedPostgres> {
  const one = await joinOrStart(dataDir, { role, durable: false })
  joined.push(one)
  return one
}

function program(role: 'serve' | 'command'): Program {
  const one = runProgram(joinProgram, [home, role])
  programs.push(one)
  return one
}

async function ask<Row>({ url }: { url: string }, sql: string): Promise<Row | undefined> {
  const client = await connectDirectly({ url })
  try {
    const { rows } = await client.query(sql)
    return rows[0] as Row | undefined
  } finally {
    await client.end()
  }
}

const pidOf = (dataDir = home) => runningPid(postgresFolder(dataDir))

describe('one who comes alone', () => {
  test('starts Postgres 18 in an empty folder, on a Unix socket and nothing else, and stops it when leaving', async () => {
    const postgres = await joinAs('serve')
    const found = await ask<{ version: string; listens: string; checksums: string; locale: string }>(
      postgres,
      `select current_setting('server_version') as version, current_setting('listen_addresses') as listens,
              current_setting('data_checksums') as checksums,
              (select datlocprovider::text from pg_database where datname = current_database()) as locale`,
    )
    expect(found).toMatchObject({ listens: '', checksums: 'on', locale: 'b' })
    expect(found?.version).toMatch(/^18\./)
    await postgres.stop()
    expect(await pidOf()).toBeUndefined()
  })

  test('finds everything again at the next start', async () => {
    const first = await joinAs('serve')
    await ask(first, 'create table kept as select 42 as answer')
    await first.stop()
    expect(await ask(await joinAs('serve'), 'select answer from kept')).toEqual({ answer: 42 })
  })

  test('is not misled by PG* variables that are meant for another server', async () => {
    const before = { ...process.env }
    Object.assign(process.env, { PGPORT: '1', PGSSLMODE: 'require', PGHOST: 'elsewhere.invalid', PGPASSWORD: 'x' })
    try {
      expect(await ask(await joinAs('command'), 'select 1 as one')).toEqual({ one: 1 })
    } finally {
      for (const name of ['PGPORT', 'PGSSLMODE', 'PGHOST', 'PGPASSWORD']) delete process.env[name]
      Object.assign(process.env, before)
    }
  })
})

describe('several on one folder', () => {
  test('a command joins the server that runs and leaves it running', async () => {
    const serving = await joinAs('serve')
    const command = await joinAs('command')
    await ask(command, 'create table seen as select 1 as one')
    await command.stop()
    expect(await ask(serving, 'select one from seen')).toEqual({ one: 1 })
  })

  test('whoever leaves last stops it, also when that is not who started it', async () => {
    const first = await joinAs('command')
    const second = await joinAs('serve')
    await first.stop()
    expect(await ask(second, 'select 1 as one')).toEqual({ one: 1 })
    await second.stop()
    expect(await pidOf()).toBeUndefined()
  })

  test('a second start is refused and names the process and command of the first', async () => {
    const first = program('serve')
    await first.line()
    await expect(joinOrStart(home, { role: 'serve' })).rejects.toMatchObject({
      code: 'already_serving',
      message: expect.stringMatching(new RegExp(`process ${first.pid} \\(.*join-server\\.ts ${home} serve\\)`)),
    })
    expect(await pidOf()).toBeDefined()
  })

  test('five commands at once on an empty folder all work, and none leaves a server behind', async () => {
    const five = Array.from({ length: 5 }, () => program('command'))
    const urls = await Promise.all(five.map((one) => one.line()))
    expect(await ask({ url: urls[0] ?? '' }, 'select 1 as one')).toEqual({ one: 1 })
    expect(await Promise.all(five.map((one) => one.end()))).toEqual([0, 0, 0, 0, 0])
    expect(await pidOf()).toBeUndefined()
  })
})

describe('after a crash', () => {
  test('a provider that was killed leaves a server that the next start takes over and stops in its turn', async () => {
    const killed = program('serve')
    await ask({ url: await killed.line() }, 'create table kept as select 42 as answer')
    const orphan = await pidOf()
    await killed.kill()
    const next = await joinAs('serve')
    expect(await pidOf()).toBe(orphan)
    expect(await ask(next, 'select answer from kept')).toEqual({ answer: 42 })
    await next.stop()
    expect(await pidOf()).toBeUndefined()
  })

  test('a Postgres that was killed comes back by itself with everything that was committed', async () => {
    const postgres = await joinAs('serve')
    await ask(postgres, 'create table kept as select 42 as answer')
    const before = await pidOf()
    process.kill(before ?? 0, 'SIGKILL')
    for (let tries = 0; tries < 200 && ((await pidOf()) ?? before) === before; tries += 1) {
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    // Between its process and its readiness lies the recovery; joining waits for that.
    expect(await ask(await joinAs('command'), 'select answer from kept')).toEqual({ answer: 42 })
    await expect(joinOrStart(home, { role: 'serve' })).rejects.toMatchObject({ code: 'already_serving' })
  })

  test('a pool and a watch of changes that were open go on when Postgres is back', async () => {
    const { url } = await joinAs('serve')
    const db = openDatabase({ url })
    await db.query(`create table change_counters as select 'keys'::text as topic, 1::bigint as version`)
    const seen: string[] = []
    const changes = new Changes({ database: { url }, onTrouble: () => {}, pollMs: 50 })
    changes.on('keys', (topic) => void seen.push(topic))
    await changes.start()
    process.kill((await pidOf()) ?? 0, 'SIGKILL')
    let changed = false
    for (let tries = 0; tries < 200 && !changed; tries += 1) {
      changed = await db.query('update change_counters set version = 2').then(
        () => true,
        () => new Promise<boolean>((resolve) => setTimeout(resolve, 50, false)),
      )
    }
    for (let tries = 0; tries < 200 && seen.length === 0; tries += 1)
      await new Promise((resolve) => setTimeout(resolve, 50))
    await changes.stop()
    await db.close()
    expect([changed, seen]).toEqual([true, ['keys']])
  })

  test('a folder whose Postgres and provider were both killed starts again', async () => {
    const killed = program('serve')
    await ask({ url: await killed.line() }, 'create table kept as select 42 as answer')
    const pid = (await pidOf()) ?? 0
    await killed.kill()
    process.kill(pid, 'SIGKILL')
    expect(await ask(await joinAs('serve'), 'select answer from kept')).toEqual({ answer: 42 })
  })

  test('a number left in postmaster.pid that now belongs to another process is not taken for a server', async () => {
    const first = await joinAs('serve')
    const file = join(home, 'postgres/postmaster.pid')
    const content = await readFile(file, 'utf8')
    await first.stop()
    await writeFile(file, content.replace(/^\d+/, String(process.pid)))
    expect(await ask(await joinAs('serve'), 'select 1 as one')).toEqual({ one: 1 })
  })

  test('a first start that was cut short begins anew', async () => {
    await mkdir(join(home, 'postgres.new/base'), { recursive: true })
    expect(await ask(await joinAs('serve'), 'select 1 as one')).toEqual({ one: 1 })
  })
})

describe('awkward places', () => {
  test('a folder whose path is too long for a socket works, and every command finds the same server', async () => {
    const deep = join(home, 'a'.repeat(60), 'b'.repeat(60))
    const first = await joinAs('serve', deep)
    const second = await joinAs('command', deep)
    expect(second.url).toBe(first.url)
    expect(await ask(second, 'select 1 as one')).toEqual({ one: 1 })
    await second.stop()
    await first.stop()
    expect(await pidOf(deep)).toBeUndefined()
  })

  test('a folder that only its owner may enter works, also for root whose Postgres is another user', async () => {
    const closed = join(home, 'closed')
    await mkdir(closed, { mode: 0o700 })
    expect(await ask(await joinAs('serve', join(closed, 'data')), 'select 1 as one')).toEqual({ one: 1 })
  })

  test('a folder made by another major version is refused with a sentence that names both', async () => {
    await (await joinAs('command')).stop()
    await writeFile(join(home, 'postgres/PG_VERSION'), '17\n')
    await expect(joinAs('command')).rejects.toMatchObject({
      code: 'embedded_postgres_version',
      message: expect.stringMatching(/Postgres 17, .* includes Postgres 18/),
    })
  })

  test('a server that cannot start says in its own words why', async () => {
    await (await joinAs('command')).stop()
    await writeFile(join(home, 'postgres/pg_hba.conf'), 'nonsense\n')
    await expect(joinAs('command')).rejects.toMatchObject({
      code: 'embedded_postgres_failed',
      message: expect.stringContaining('pg_hba.conf'),
    })
  })
})
