/** Several nodes started at once, and nodes of one release on the schema of another. */
import { randomBytes } from 'node:crypto'
import { expect, test } from '@jest/globals'
import { runClaviger } from '../../harness/cli.ts'
import { emptyDatabase, freshDatabase } from '../../harness/database.ts'
import { openRows } from '../../harness/rows.ts'
import { startProvider } from '../../harness/server.ts'

const newKey = () => randomBytes(32).toString('base64url')

test('five cold starts at once on an empty database give one migration, one set of keys and no crash', async () => {
  const database = await emptyDatabase()
  const env = { CLAVIGER_KEY_ENCRYPTION_KEY: newKey() }
  const nodes = await Promise.all(Array.from({ length: 5 }, () => startProvider({ database, env })))
  try {
    const rows = await openRows(database.url)
    const applied = await rows.query<{ name: string }>('select name from schema_migrations order by name')
    expect(new Set(applied.map(({ name }) => name)).size).toBe(applied.length)
    expect(applied.length).toBeGreaterThan(0)
    const keys = await rows.query(
      `select alg, state, count(*)::int as keys from signing_keys group by 1, 2 order by 1, 2`,
    )
    expect(keys).toEqual([
      { alg: 'ES256', state: 'pending', keys: 1 },
      { alg: 'ES256', state: 'active', keys: 1 },
      { alg: 'RS256', state: 'pending', keys: 1 },
      { alg: 'RS256', state: 'active', keys: 1 },
    ])
    await rows.close()
    const sets = await Promise.all(nodes.map((node) => fetch(node.url('/jwks')).then((answer) => answer.text())))
    expect(new Set(sets).size).toBe(1)
    for (const node of nodes) expect(node.log()).not.toMatch(/"level":"(?:error|fatal)"/)
  } finally {
    expect(await Promise.all(nodes.map((node) => node.stop()))).toEqual([0, 0, 0, 0, 0])
    await database.drop()
  }
}, 120_000)

/** A start that should refuse; in production, since there nothing migrates by itself. */
const refusedStart = (url: string, more: Record<string, string> = {}) =>
  runClaviger(['start'], {
    DATABASE_URL: url,
    CLAVIGER_ISSUER: 'https://id.example',
    CLAVIGER_PORT: '0',
    CLAVIGER_KEY_ENCRYPTION_KEY: newKey(),
    ...more,
  })

test('in production a database without the schema stops the start, names the command, and is left untouched', async () => {
  const database = await emptyDatabase()
  const { code, stderr } = await refusedStart(database.url, { NODE_ENV: 'production', CLAVIGER_PORT: '19400' })
  expect(code).toBe(1)
  expect(stderr).toContain('claviger migrate')
  expect(stderr).not.toMatch(/ at .*:\d+:\d+/)
  const rows = await openRows(database.url)
  expect(await rows.count(`select count(*) from pg_tables where schemaname = 'public'`)).toBe(0)
  await rows.close()
  await database.drop()
})

test.each([['production'], ['development']])(
  'a schema of a newer release that this one cannot live with stops the start and every command before anything is changed (%s)',
  async (mode) => {
    const database = await freshDatabase()
    const rows = await openRows(database.url)
    await rows.query(
      `insert into schema_migrations (name, checksum, needs, release)
       values ('999998-more', 'x', null, '7.1.0'), ('999999-from-the-future', 'x', '999998-more', '7.2.0')`,
    )
    const before = await rows.stored()
    const env = { NODE_ENV: mode, CLAVIGER_PORT: '19401' }
    const { code, stderr } = await refusedStart(database.url, env)
    expect(code).toBe(1)
    expect(stderr).toContain('999999-from-the-future')
    expect(stderr).toMatch(/Run release 7\.1\.0 or later/)
    const migrate = await runClaviger(['migrate'], {
      DATABASE_URL: database.url,
      NODE_ENV: mode,
      CLAVIGER_ISSUER: 'https://id.example',
    })
    expect(migrate.code).toBe(1)
    expect(migrate.stderr).toContain('999999-from-the-future')
    expect(await rows.stored()).toEqual(before)
    await rows.close()
    await database.drop()
  },
)

test('a migration that was edited after it had been applied stops the start, by its name', async () => {
  const database = await freshDatabase()
  const rows = await openRows(database.url)
  await rows.query(`update schema_migrations set checksum = 'edited' where name like '000001%'`)
  const { code, stderr } = await refusedStart(database.url, { CLAVIGER_PORT: '19402' })
  expect(code).toBe(1)
  expect(stderr).toContain('000001-')
  await rows.close()
  await database.drop()
})

test('migrate run five times at once applies everything once and all five succeed', async () => {
  const database = await emptyDatabase()
  const env = { DATABASE_URL: database.url, CLAVIGER_ISSUER: 'https://id.example' }
  const runs = await Promise.all(Array.from({ length: 5 }, () => runClaviger(['migrate', '--json'], env)))
  expect(runs.map(({ code }) => code)).toEqual([0, 0, 0, 0, 0])
  const rows = await openRows(database.url)
  const names = await rows.query<{ name: string }>('select name from schema_migrations')
  expect(new Set(names.map(({ name }) => name)).size).toBe(names.length)
  await rows.close()
  await database.drop()
}, 60_000)
