/** PgBouncer between Claviger and Postgres. */
import { randomBytes } from 'node:crypto'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { connectDirectly } from '../../../src/storage/connection/database.ts'
import { examineRoutes } from '../../../src/storage/connection/pooler.ts'
import { migrate } from '../../../src/storage/schema/migrations.ts'
import { type CommandResult, command, runClaviger } from '../../harness/cli.ts'
import { eventually } from '../../harness/eventually.ts'
import { addClient, addPerson } from '../../harness/people.ts'
import { type PgBouncer, pgbouncerVersion, startPgBouncer } from '../../harness/pgbouncer.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { startTcpPostgres, type TcpPostgres } from '../../harness/tcp-postgres.ts'
import { UserAgent } from '../../harness/user-agent.ts'

/** All nodes of this file share one database. */
const key = { CLAVIGER_KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64url') }
const redirectUri = 'https://app.example/callback'
const version = await pgbouncerVersion()
const remembers = version !== undefined && (version[0] > 1 || version[1] >= 21)

// Skipped where there is no PgBouncer: apt-get install pgbouncer.
const withPgBouncer = version === undefined ? describe.skip : describe
// Skipped by an older one: statements prepared in transaction mode came with 1.21.
const byRemembering = remembers ? test : test.skip

let postgres: TcpPostgres
let bouncer: PgBouncer | undefined
let provider: Provider | undefined

beforeAll(async () => {
  postgres = await startTcpPostgres({ settings: ['max_connections=120'] })
  if (version) await migrate({ url: postgres.url() })
}, 60_000)

afterEach(async () => {
  await provider?.stop()
  await bouncer?.stop()
  provider = undefined
  bouncer = undefined
}, 30_000)

afterAll(() => postgres?.stop())

const ignoring = 'ignore_startup_parameters = statement_timeout'

/** Sign-ins by the code flow, and refreshes, of an app that a command has just added. */
async function works(node: Provider): Promise<void> {
  const person = await addPerson(node)
  const added = await addClient(node, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  const app = new PlainClient(added, { issuer: node.issuer, redirectUri, port: () => node.port })
  for (let times = 0; times < 4; times += 1) {
    const { url, verifier } = app.start()
    const arrived = await signIn(new UserAgent(node.issuer), url, person)
    const tokens = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
    expect(tokens.status).toBe(200)
    expect((await app.refresh(String(tokens.json['refresh_token']))).status).toBe(200)
  }
  expect(node.log()).not.toMatch(/prepared statement|26000|42P05/)
}

const refused = (env: Record<string, string>): Promise<CommandResult> =>
  runClaviger(['start'], { CLAVIGER_PORT: '1', ...env })

withPgBouncer('PgBouncer in session mode', () => {
  test('works for everything, one that refuses the startup parameter statement_timeout too', async () => {
    bouncer = await startPgBouncer(postgres.port, 'session', ['default_pool_size = 60'])
    const refusal = await connectDirectly({ url: bouncer.url }).then(async (client) => {
      const { rows } = await client.query(`show statement_timeout`)
      await client.end()
      return rows
    })
    expect(refusal).toEqual([{ statement_timeout: '0' }])
    provider = await startProvider({ database: { url: bouncer.url }, env: key })
    await works(provider)
    const doctor = await command(['doctor', '--json'], provider.env)
    const { checks } = JSON.parse(doctor.stdout) as {
      checks: { name: string; outcome: string; found: string; mend: string }[]
    }
    expect(checks.find(({ name }) => name === 'pooler')).toMatchObject({
      outcome: 'warning',
      found: expect.stringMatching(/session mode\..*statement_timeout/),
      mend: expect.stringContaining(`alter role "claviger" set statement_timeout = '15s'`),
    })
    expect(checks.find(({ name }) => name === 'connections')).toMatchObject({
      outcome: 'note',
      mend: expect.stringContaining('max_client_conn'),
    })
  }, 60_000)

  test('leaves statements without a limit where it ignores the parameter, until the role has one', async () => {
    bouncer = await startPgBouncer(postgres.port, 'session', [ignoring])
    const { url } = bouncer
    const found = { isPooled: true, keepsSession: true, keepsStatements: true }
    expect((await examineRoutes({ url })).pool).toMatchObject({ ...found, isUnlimited: true })
    await bouncer.stop()
    await postgres.sql(`alter role claviger set statement_timeout = '15s'`)
    bouncer = await startPgBouncer(postgres.port, 'session', [ignoring])
    expect((await examineRoutes({ url: bouncer.url })).pool).toMatchObject({ ...found, isUnlimited: false })
    await postgres.sql('alter role claviger reset statement_timeout')
  })
})

withPgBouncer('PgBouncer in transaction mode', () => {
  test.each([[[]], [[ignoring]], [['server_round_robin = 1']]])(
    'is refused by start, migrate and doctor without a URL that leads past it (%j)',
    async (settings) => {
      bouncer = await startPgBouncer(postgres.port, 'transaction', settings)
      const env = { DATABASE_URL: bouncer.url }
      for (const answer of [await refused(env), await command(['migrate'], env), await command(['doctor'], env)]) {
        expect(answer.code).toBe(1)
        expect(answer.stderr + answer.stdout).toMatch(
          /LISTEN, locks and migrations need a session|loses prepared statements/,
        )
        expect(answer.stderr + answer.stdout).toMatch(/CLAVIGER_DATABASE_DIRECT_URL|max_prepared_statements/)
      }
    },
    60_000,
  )

  test('is refused where it loses prepared statements, with the version that keeps them', async () => {
    const forgetting = remembers ? ['max_prepared_statements = 0'] : []
    bouncer = await startPgBouncer(postgres.port, 'transaction', forgetting)
    const answer = await refused({ DATABASE_URL: bouncer.url, CLAVIGER_DATABASE_DIRECT_URL: postgres.url() })
    expect([answer.code, answer.stderr]).toEqual([1, expect.stringContaining('loses prepared statements')])
    expect(answer.stderr).toContain('PgBouncer 1.21 or later with max_prepared_statements above 0')
  }, 30_000)

  test('as the direct URL is refused as well', async () => {
    bouncer = await startPgBouncer(postgres.port, 'transaction')
    const answer = await refused({ DATABASE_URL: postgres.url(), CLAVIGER_DATABASE_DIRECT_URL: bouncer.url })
    expect(answer.stderr).toContain('CLAVIGER_DATABASE_DIRECT_URL leads through a pooler in transaction mode')
  }, 30_000)

  byRemembering(
    'works with prepared statements and a URL that leads past it',
    async () => {
      bouncer = await startPgBouncer(postgres.port, 'transaction', [
        'max_prepared_statements = 100',
        'default_pool_size = 4',
      ])
      const direct = { ...key, CLAVIGER_DATABASE_DIRECT_URL: postgres.url() }
      provider = await startProvider({ database: { url: bouncer.url }, env: direct })
      await works(provider)
      expect((await command(['doctor'], provider.env)).stdout).toContain('a pooler in transaction mode')
    },
    60_000,
  )
})

withPgBouncer('PgBouncer in statement mode', () => {
  test('is refused, because transactions are not taken', async () => {
    bouncer = await startPgBouncer(postgres.port, 'statement')
    const answer = await refused({ DATABASE_URL: bouncer.url, CLAVIGER_DATABASE_DIRECT_URL: postgres.url() })
    expect([answer.code, answer.stderr]).toEqual([1, expect.stringContaining('a pooler in statement mode')])
  }, 30_000)
})

describe('a URL that leads past a pooler', () => {
  test('is what LISTEN and migrations use', async () => {
    await postgres.sql('create role direct superuser login')
    const direct = postgres.url({ user: 'direct' })
    provider = await startProvider({
      database: { url: postgres.url() },
      env: { ...key, CLAVIGER_DATABASE_DIRECT_URL: direct },
    })
    const listening = () =>
      postgres.sql(`select usename from pg_stat_activity where application_name = 'claviger listens'`)
    expect(await listening()).toEqual([{ usename: 'direct' }])
    await postgres.sql('create database fresh')
    await migrate({
      url: postgres.url({ database: 'fresh' }),
      directUrl: postgres.url({ database: 'fresh', user: 'direct' }),
    })
    const owners = await postgres.sql<{ owner: string }>(
      `select distinct tableowner as owner from pg_tables where schemaname = 'public'`,
      'fresh',
    )
    expect(owners).toEqual([{ owner: 'direct' }])
  }, 60_000)

  test('and that leads to another database is refused', async () => {
    await postgres.sql('create database elsewhere')
    const env = { DATABASE_URL: postgres.url(), CLAVIGER_DATABASE_DIRECT_URL: postgres.url({ database: 'elsewhere' }) }
    const answer = await refused(env)
    expect([answer.code, answer.stderr]).toEqual([1, expect.stringContaining('lead to different databases')])
  }, 30_000)
})

describe('without a pooler', () => {
  test('none is found, and the doctor counts connections of all processes against what Postgres takes', async () => {
    expect((await examineRoutes({ url: postgres.url() })).pool).toMatchObject({ isPooled: false, keepsSession: true })
    const env = { DATABASE_URL: postgres.url(), CLAVIGER_WORKERS: '8', CLAVIGER_DATABASE_POOL_SIZE: '10' }
    const { stdout } = await command(['doctor'], env)
    expect(stdout).toContain(
      '8 processes with up to 16 connections each: 128. Postgres takes 117 (max_connections 120, 3',
    )
    expect(stdout).toContain('Lower CLAVIGER_DATABASE_POOL_SIZE or CLAVIGER_WORKERS')
    await postgres.sql('create role narrow superuser login connection limit 30')
    const narrow = await command(['doctor'], { ...env, DATABASE_URL: postgres.url({ user: 'narrow' }) })
    expect(narrow.stdout).toContain('Postgres takes 30 (the limit of the role).')
  }, 30_000)
})

describe('readiness', () => {
  test('is lost while no session listens for notifications, and found again with one', async () => {
    await postgres.sql('create role listener superuser login')
    const env = { ...key, CLAVIGER_DATABASE_DIRECT_URL: postgres.url({ user: 'listener' }) }
    provider = await startProvider({ database: { url: postgres.url() }, env })
    const ready = async () => {
      const answer = await fetch(provider?.url('/health/ready') ?? '')
      return { code: answer.status, ...((await answer.json()) as object) }
    }
    const until = (code: number) => eventually(async () => ((await ready()).code === code ? ready() : undefined))
    expect(await ready()).toMatchObject({ code: 200, notifications: true, revocations: true })
    await postgres.sql(
      `alter role listener nologin; select pg_terminate_backend(pid) from pg_stat_activity where usename = 'listener'`,
    )
    expect(await until(503)).toMatchObject({ code: 503, database: true, notifications: false })
    await postgres.sql('alter role listener login')
    expect(await until(200)).toMatchObject({ code: 200, notifications: true })
  }, 60_000)
})
