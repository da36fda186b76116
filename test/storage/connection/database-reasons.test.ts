/** What a database refuses, and why, asked of real servers. */
import { type AddressInfo, createServer, type Server } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Failure } from '../../../src/errors/failure.ts'
import { openDatabase } from '../../../src/storage/connection/database.ts'
import { migrate, planUpgrade } from '../../../src/storage/schema/migrations.ts'
import { type CommandResult, command, type ProgramEnv, runClaviger } from '../../harness/cli.ts'
import { startTcpPostgres, type TcpPostgres } from '../../harness/tcp-postgres.ts'

let server: TcpPostgres
let silent: Server
const password = 'pass word/?#:@%41'

beforeAll(async () => {
  server = await startTcpPostgres({
    rules: [
      'host asked_for_password all 127.0.0.1/32 scram-sha-256',
      'host closed all 127.0.0.1/32 reject',
      'host all all 127.0.0.1/32 trust',
    ],
    settings: ['max_connections=20'],
  })
  silent = createServer(() => {}).listen(0, '127.0.0.1')
  await server.sql(`create role plain login password '${password}'`)
  for (const name of ['no_create', 'asked_for_password', 'closed', 'foreign_table', 'slow', 'narrow', 'reading'])
    await server.sql(`create database ${name}`)
  await server.sql(`create database latin encoding 'LATIN1' template template0`)
  await server.sql('grant all on schema public to public', 'slow')
  await server.sql('create table schema_migrations (version varchar primary key)', 'foreign_table')
  await server.sql('grant all on schema public to public', 'reading')
  await server.sql(`create role reader login; alter role reader set default_transaction_read_only = on`)
  await server.sql(`create role hasty login; alter role hasty set statement_timeout = '1ms'`)
  await server.sql(`create role single login connection limit 0`)
  await server.sql(`create role no_login`)
}, 60_000)

afterAll(async () => {
  silent.close()
  await server?.stop()
})

const silentPort = () => (silent.address() as AddressInfo).port

/** Name, URL, then what must stand in the reason and in the hint. */
const cases: [name: string, url: () => string, reason: RegExp, hint: RegExp][] = [
  [
    'CREATE on the schema is missing',
    () => server.url({ database: 'no_create', user: 'plain' }),
    /database "no_create", role "plain": permission denied for schema public \(SQLSTATE 42501\)/,
    /grant usage, create on schema "public" to "plain"/,
  ],
  [
    'the role only reads',
    () => server.url({ database: 'reading', user: 'reader' }),
    /role "reader": cannot execute CREATE TABLE in a read-only transaction \(SQLSTATE 25006\)|The server at 127\.0\.0\.1:\d+\/reading accepts reads only/,
    /alter role "reader" reset default_transaction_read_only|reset default_transaction_read_only for this server, database and role/,
  ],
  [
    'the table schema_migrations is another program’s',
    () => server.url({ database: 'foreign_table' }),
    /The table public\.schema_migrations in the database "foreign_table" belongs to another program.*version/s,
    /create database claviger/,
  ],
  [
    'the database is encoded otherwise',
    () => server.url({ database: 'latin' }),
    /The database "latin" is encoded in LATIN1/,
    /encoding 'UTF8' template template0/,
  ],
  [
    'the role may hold no further connection',
    () => server.url({ user: 'single' }),
    /role "single": too many connections for role "single" \(SQLSTATE 53300\)/,
    /alter role "single" connection limit/,
  ],
  [
    'the password is wrong',
    () => server.url({ database: 'asked_for_password', user: 'plain', password: 'wrong-one' }),
    /role "plain": password authentication failed for user "plain" \(SQLSTATE 28P01\)/,
    /the password/,
  ],
  [
    'a password is asked for and none is set',
    () => server.url({ database: 'asked_for_password', user: 'plain' }),
    /database "asked_for_password", role "plain": SASL/,
    /PGPASSWORD/,
  ],
  [
    'pg_hba.conf lets nobody in',
    () => server.url({ database: 'closed', user: 'plain' }),
    /pg_hba\.conf rejects connection.*SQLSTATE 28000/,
    /pg_hba\.conf/,
  ],
  [
    'the role does not exist',
    () => server.url({ user: 'stranger' }),
    /role "stranger" does not exist \(SQLSTATE 28000\)/,
    /"stranger"/,
  ],
  [
    'the role may not log in',
    () => server.url({ user: 'no_login' }),
    /not permitted to log in \(SQLSTATE 28000\)/,
    /alter role "no_login" login/,
  ],
  [
    'the database does not exist',
    () => server.url({ database: 'nowhere' }),
    /database "nowhere" does not exist \(SQLSTATE 3D000\)/,
    /create database "nowhere"/,
  ],
  [
    'the host has no address',
    () => 'postgres://app@nowhere.invalid:5433/name',
    /Postgres at nowhere\.invalid:5433, database "name", role "app": getaddrinfo E/,
    /DNS/,
  ],
  [
    'nothing listens',
    () => 'postgres://app@127.0.0.1:1/name',
    /Postgres at 127\.0\.0\.1:1, database "name", role "app": connect ECONNREFUSED/,
    /Nothing listens on 127\.0\.0\.1:1/,
  ],
  [
    'there is no socket',
    () => 'postgres://app@localhost/name?host=%2Fnonexistent',
    /ENOENT \/nonexistent\/\.s\.PGSQL\.5432/,
    /\/nonexistent\/\.s\.PGSQL\.5432/,
  ],
  [
    'TLS is asked for and refused',
    () => server.url({ more: '?sslmode=require' }),
    /does not support SSL connections/,
    /does not support TLS/,
  ],
]

describe('every command names place, words, SQLSTATE and remedy when', () => {
  test.each(cases)(
    '%s',
    async (_, url, reason, hint) => {
      const env = { DATABASE_URL: url() }
      for (const args of [['migrate'], ['doctor'], ['start']]) {
        const answer = await claviger(args, env)
        const said = answer.stderr + answer.stdout
        // The doctor only looks: that nothing may be written it asks the server, which says no to nothing.
        const asked = args[0] === 'doctor' && /42501|25006/.test(reason.source)
        expect([args[0], answer.code, said]).toEqual([args[0], 1, expect.stringMatching(asked ? hint : reason)])
        expect(said).toMatch(hint)
        expectNoSecret(answer)
      }
    },
    60_000,
  )

  test('the server accepts and says nothing', async () => {
    const db = openDatabase({ url: `postgres://app@127.0.0.1:${silentPort()}/name`, connectTimeoutMs: 200 })
    const failure = (await db.query('select 1').catch((error: unknown) => error)) as Failure
    expect(failure.detail['reason']).toContain(`Postgres at 127.0.0.1:${silentPort()}, database "name", role "app"`)
    expect(failure.detail['hints']).toEqual([expect.stringContaining('did not answer in time')])
    await db.close()
  })

  test('a statement takes too long', async () => {
    const db = openDatabase({ url: server.url(), statementTimeoutMs: 20 })
    const failure = (await db.query('select pg_sleep(5)').catch((error: unknown) => error)) as Failure
    expect(failure.detail['reason']).toMatch(/canceling statement due to statement timeout \(SQLSTATE 57014\)$/)
    expect(failure.detail['hints']).toEqual([expect.stringContaining('reset statement_timeout')])
    await db.close()
  })

  test('the server has no connection left', async () => {
    const crowd = openDatabase({ url: server.url({ user: 'plain', database: 'narrow' }), poolSize: 30 })
    // As many as there are: those beyond fail, and the others stay while they sleep.
    const asked = Array.from({ length: 30 }, () => crowd.query('select pg_sleep(1)').catch((error: Failure) => error))
    const failed = (await Promise.all(asked)).filter((one) => one instanceof Error)
    expect(failed.length).toBeGreaterThan(0)
    for (const failure of failed) {
      expect(failure.detail['reason']).toMatch(/SQLSTATE 53300/)
      expect(failure.detail['hints']).toEqual([expect.stringMatching(/CLAVIGER_DATABASE_POOL_SIZE.*max_connections/)])
    }
    await crowd.close()
  })
})

describe('what a role is limited by', () => {
  test('a statement_timeout of the role ends no migration and no statement of ours', async () => {
    const url = server.url({ database: 'slow', user: 'hasty' })
    expect((await migrate({ url })).length).toBeGreaterThan(0)
    const db = openDatabase({ url })
    expect((await planUpgrade(db)).pending).toEqual([])
    await db.query('select pg_sleep(0.05)')
    await db.close()
  }, 30_000)
})

describe('what nobody may read', () => {
  test('a password and the whole URL are in no message, log or JSON, whatever fails', async () => {
    const secret = { user: 'plain', password }
    const urls = [
      server.url({ ...secret, database: 'nowhere' }),
      server.url({ ...secret, more: '?sslmode=require' }),
      server.url({ ...secret, more: '?sslmode=nonsense' }),
      `postgres://plain:${encodeURIComponent(password)}@127.0.0.1:1/name`,
      `postgres://plain:${encodeURIComponent(password)}@nowhere.invalid/name`,
      `postgres://plain:${encodeURIComponent(password)}@127.0.0.1:99999/name`,
    ]
    for (const DATABASE_URL of urls) {
      for (const args of [['start'], ['doctor', '--json'], ['migrate', '--status'], ['users', 'list']]) {
        const answer = await claviger(args, { DATABASE_URL, CLAVIGER_LOG_LEVEL: 'debug' })
        expect(answer.code).toBe(1)
        expectNoSecret(answer)
      }
    }
  }, 60_000)
})

function expectNoSecret({ stdout, stderr }: CommandResult): void {
  const said = stdout + stderr
  expect(said).not.toContain(password)
  expect(said).not.toContain(encodeURIComponent(password))
  expect(said).not.toContain('wrong-one')
  expect(said).not.toMatch(/postgres:\/\/(plain|claviger|app)\b/)
  expect(said).not.toContain('unexpected error')
}

/** A node is a process of its own. */
const claviger = (args: readonly string[], env: ProgramEnv): Promise<CommandResult> =>
  args[0] === 'start' ? runClaviger(args, { CLAVIGER_PORT: '1', ...env }) : command(args, env)
