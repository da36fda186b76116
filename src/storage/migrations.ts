/**
 * Brings the schema up to date from `db/migrations`, and is the only thing that
 * changes it. One file, one transaction; whoever comes second waits and finds
 * nothing left to do.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import type { Client } from 'pg'
import { Failure } from '../errors/failure.ts'
import { connectDirectly, type DatabaseOptions, type Queryable } from './database.ts'
import { asFailure } from './database-failure.ts'

export interface Migration {
  /** File name without `.sql`: six digits, a dash, words. */
  name: string
  sql: string
  /** SHA-256 of the text, by which an edited file is found out. */
  checksum: string
}

export interface AppliedMigration {
  name: string
  checksum: string
  at: Date
}

/** Where the numbered SQL lies, in the checkout and in the package alike. */
export const migrationsFolder = join(import.meta.dirname, '../../db/migrations')

/** Any number will do, as long as it never changes: two releases must exclude each other too. */
const advisoryLock = 4_031_946_201

/** Applies what is missing and returns its names, in order. @throws Failure when the database and the files contradict each other; nothing has changed then. */
export async function migrate(
  database: DatabaseOptions,
  { folder = migrationsFolder, waitSeconds = 120 }: { folder?: string; waitSeconds?: number } = {},
): Promise<string[]> {
  const files = await readMigrations(folder)
  const client = await connectDirectly({ ...database, applicationName: 'claviger migrate', statementTimeoutMs: 0 })
  try {
    await waitForTurn(client, waitSeconds)
    const pending = pendingOf(files, await appliedMigrations(client))
    if (pending.length > 0) await createLedger(client)
    for (const migration of pending) await apply(client, migration)
    return pending.map(({ name }) => name)
  } catch (error) {
    throw asFailure(error)
  } finally {
    // Ends the session and with it the advisory lock.
    await client.end()
  }
}

/** What `migrate` would apply now. @throws Failure as `migrate` does. */
export async function pendingMigrations(db: Queryable, folder = migrationsFolder): Promise<string[]> {
  const files = await readMigrations(folder)
  return pendingOf(files, await appliedMigrations(db)).map(({ name }) => name)
}

/** What has been applied, oldest first; empty on an empty database. */
export async function appliedMigrations(db: Pick<Queryable, 'query'> | Client): Promise<AppliedMigration[]> {
  const query = db.query.bind(db) as Queryable['query']
  const { rows } = await query<{ there: boolean }>(`select to_regclass('schema_migrations') is not null as there`)
  if (!rows[0]?.there) return []
  const applied = await query<{ name: string; checksum: string; applied_at: Date }>(
    'select name, checksum, applied_at from schema_migrations order by name',
  )
  return applied.rows.map(({ name, checksum, applied_at: at }) => ({ name, checksum, at }))
}

/** The migrations of this release, in order. */
export async function readMigrations(folder = migrationsFolder): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  const wrong = names.find((file) => !/^\d{6}-[a-z0-9-]+\.sql$/.test(file))
  if (wrong) throw new Error(`${wrong} is not named like 000001-foundation.sql`)
  return Promise.all(
    names.map(async (file) => {
      const sql = await readFile(join(folder, file), 'utf8')
      return { name: file.slice(0, -'.sql'.length), sql, checksum: createHash('sha256').update(sql).digest('hex') }
    }),
  )
}

function pendingOf(files: readonly Migration[], applied: readonly AppliedMigration[]): Migration[] {
  const known = new Map(files.map((file) => [file.name, file]))
  const unknown = applied.find(({ name }) => !known.has(name))
  if (unknown) {
    throw new Failure(
      'schema_too_new',
      'conflict',
      `The database has been migrated by a newer release (it has ${unknown.name}, which this one does not know): run that release, or restore the backup made before the upgrade.`,
    )
  }
  const edited = applied.find(({ name, checksum }) => known.get(name)?.checksum !== checksum)
  if (edited) {
    throw new Failure(
      'migration_edited',
      'conflict',
      `db/migrations/${edited.name}.sql is not what was applied to this database: put the released file back, and make the change in a new migration.`,
    )
  }
  const done = new Set(applied.map(({ name }) => name))
  const pending = files.filter(({ name }) => !done.has(name))
  const last = applied.at(-1)?.name ?? ''
  const overtaken = pending.find(({ name }) => name < last)
  if (overtaken) {
    throw new Failure(
      'migration_out_of_order',
      'conflict',
      `db/migrations/${overtaken.name}.sql comes before ${last}, which is already applied: give it a number after that one.`,
    )
  }
  return pending
}

/** Polls instead of blocking, so that waiting is bounded and can be explained. */
async function waitForTurn(client: Client, waitSeconds: number): Promise<void> {
  for (let attempt = 0; attempt <= waitSeconds * 10; attempt += 1) {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [advisoryLock])
    if (rows[0]?.mine) return
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
  throw new Failure(
    'migration_busy',
    'unavailable',
    `Another process has been migrating this database for ${waitSeconds} seconds: wait for it, or end it if it hangs.`,
    { retryAfterSeconds: waitSeconds },
  )
}

async function createLedger(client: Client): Promise<void> {
  await client.query(
    `create table if not exists schema_migrations (
       name       text primary key,
       checksum   text not null,
       applied_at timestamptz not null default now()
     )`,
  )
}

async function apply(client: Client, migration: Migration): Promise<void> {
  try {
    await client.query('begin')
    await client.query(migration.sql)
    await client.query('insert into schema_migrations (name, checksum) values ($1, $2)', [
      migration.name,
      migration.checksum,
    ])
    await client.query('commit')
  } catch (error) {
    throw new Failure(
      'migration_failed',
      'unavailable',
      `db/migrations/${migration.name}.sql could not be applied; the database is as it was before it.`,
      { cause: error, detail: { reason: error instanceof Error ? error.message : String(error) } },
    )
  }
}
