/**
 * A real database of its own for each test that asks. One Postgres serves the whole run; it is started by the first
 * test that needs it, so rooms that need none never wait for it.
 */
import { randomBytes } from 'node:crypto'
import { join } from 'node:path'
import { connectDirectly } from '../../src/storage/connection/database.ts'
import { embeddedUrl, ensureRunning, postgresFolder } from '../../src/storage/embedded/embedded-postgres.ts'
import { withFolderLock } from '../../src/storage/embedded/folder-lock.ts'
import { migrate } from '../../src/storage/schema/migrations.ts'

export interface TestDatabase {
  /** As for `DATABASE_URL`. */
  url: string
  /** Not needed: what is left goes with the run. Useful where a test makes many. */
  drop(): Promise<void>
}

const template = 'migrated'

/** With the current schema, cloned from a template that is migrated once a run. */
export function freshDatabase(): Promise<TestDatabase> {
  return create(template)
}

/** Without any schema: for tests of migrations. */
export function emptyDatabase(): Promise<TestDatabase> {
  return create('template0')
}

async function create(from: string): Promise<TestDatabase> {
  const home = await startedServer()
  const name = `test_${randomBytes(6).toString('hex')}`
  await asAdmin(home, `create database ${name} template ${from}`)
  return {
    url: await embeddedUrl(home, name),
    drop: () => asAdmin(home, `drop database if exists ${name} with (force)`),
  }
}

let started: Promise<string> | undefined

function startedServer(): Promise<string> {
  started ??= startServer()
  return started
}

async function startServer(): Promise<string> {
  const home = process.env['CLAVIGER_TEST_RUN']
  if (!home) throw new Error('freshDatabase() works under Jest, whose globalSetup makes the folder of the run.')
  await withFolderLock(join(home, 'postgres.lock'), async () => {
    await ensureRunning(home, postgresFolder(home, false))
    await ensureTemplate(home)
  })
  return home
}

async function ensureTemplate(home: string): Promise<void> {
  const client = await connectDirectly({ url: await embeddedUrl(home, 'postgres') })
  try {
    const { rowCount } = await client.query('select from pg_database where datname = $1', [template])
    if (rowCount !== 0) return
    await client.query(`create database ${template}_half`)
    await migrate({ url: await embeddedUrl(home, `${template}_half`) })
    // Nobody may be connected to a database that is renamed or cloned; the migration's own session has to be gone.
    await client.query(`select pg_terminate_backend(pid, 5000) from pg_stat_activity where datname = $1`, [
      `${template}_half`,
    ])
    await client.query(`alter database ${template}_half rename to ${template}`)
  } finally {
    await client.end()
  }
}

async function asAdmin(home: string, sql: string): Promise<void> {
  const client = await connectDirectly({ url: await embeddedUrl(home, 'postgres') })
  try {
    await client.query(sql)
  } finally {
    await client.end()
  }
}
