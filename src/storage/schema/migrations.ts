/**
 * Brings the schema up to date from `db/migrations`. No other code changes the
 * schema. Each file runs in one transaction. A second process waits and then
 * finds nothing left to apply.
 */
import { createHash } from 'node:crypto'
import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import type { Client } from 'pg'
import { release } from '../../config/release.ts'
import { Failure } from '../../errors/failure.ts'
import { connectDirectly, type DatabaseOptions, directPlaceOf, type Queryable } from '../connection/database.ts'
import { asFailure, detailOf } from '../connection/database-failure.ts'
import type { DatabasePlace } from '../connection/database-place.ts'
import { refuseUnfit } from './fit-database.ts'
import { type AppliedMigration, type Migration, type MigrationPlan, planMigrations } from './migration-plan.ts'

/** The folder of the numbered SQL files; the path is the same in the checkout and in the package. */
export const migrationsFolder = join(import.meta.dirname, '../../../db/migrations')

/** An arbitrary number. It never changes, because two releases must exclude each other too. */
const advisoryLock = 4_031_946_201

/** Applies the missing migrations and returns their names in order. @throws Failure if the database and the files contradict each other; then nothing has changed */
export async function migrate(
  database: DatabaseOptions,
  { folder = migrationsFolder, waitSeconds = 120 }: { folder?: string; waitSeconds?: number } = {},
): Promise<string[]> {
  const files = await readMigrations(folder)
  const place = directPlaceOf(database)
  const client = await connectDirectly({ ...database, applicationName: 'claviger migrate', statementTimeoutMs: 0 })
  try {
    await waitForTurn(client, waitSeconds)
    const { pending } = planMigrations(files, await appliedMigrations(client))
    for (const migration of pending) await apply(client, migration, waitSeconds, place)
    return pending.map(({ name }) => name)
  } catch (error) {
    throw asFailure(error, place)
  } finally {
    // Ending the connection also releases the advisory lock.
    await client.end()
  }
}

/** The plan that `migrate` would follow now. @throws Failure as `migrate` does */
export async function planUpgrade(db: Queryable, folder = migrationsFolder): Promise<MigrationPlan> {
  const files = await readMigrations(folder)
  return planMigrations(files, await appliedMigrations(db))
}

/** The applied migrations, oldest first; empty on an empty database. @throws Failure `database_unfit`, `migrations_foreign` */
export async function appliedMigrations(db: Pick<Queryable, 'query'> | Client): Promise<AppliedMigration[]> {
  const query = db.query.bind(db) as Queryable['query']
  if (!(await refuseUnfit({ query })).hasLedger) return []
  // Read through JSON, because older tables lack the columns `needs` and `release`.
  const applied = await query<AppliedMigration>(
    `select name, checksum, applied_at as at, to_jsonb(m)->>'needs' as needs, to_jsonb(m)->>'release' as release
       from schema_migrations m order by name`,
  )
  return applied.rows
}

/** The migrations of this release, in order. */
export async function readMigrations(folder = migrationsFolder): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((file) => file.endsWith('.sql')).sort()
  const wrong = names.find((file) => !/^\d{6}-[a-z0-9-]+\.sql$/.test(file))
  if (wrong) throw new Error(`${wrong} is not named like 000001-foundation.sql`)
  return Promise.all(
    names.map(async (file) => read(file.slice(0, -'.sql'.length), await readFile(join(folder, file), 'utf8'))),
  )
}

/**
 * A file may carry two directives, each in a comment on its own line:
 * `-- needs: 000012-words` — once this file is applied, programs that do not know 000012-words cannot run;
 * `-- replaces: all up to 000012-words of 1.0.0` — this first file replaces all of them; 1.0.0 was the last release with them.
 */
function read(name: string, sql: string): Migration {
  const needs = /^-- needs: (\S+)$/m.exec(sql)?.[1] ?? null
  const replaced = /^-- replaces: all up to (\S+) of (\S+)$/m.exec(sql)
  const replaces = replaced?.[1] && replaced[2] ? { upTo: replaced[1], release: replaced[2] } : null
  return { name, sql, checksum: createHash('sha256').update(sql).digest('hex'), needs, replaces }
}

/** Polls instead of blocking, so that the wait is bounded and its failure has a clear message. */
async function waitForTurn(client: Client, waitSeconds: number): Promise<void> {
  for (let attempt = 0; attempt <= waitSeconds * 10; attempt += 1) {
    const { rows } = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [advisoryLock])
    if (rows[0]?.mine) return
    await wait(100)
  }
  throw new Failure(
    'migration_busy',
    'unavailable',
    `Another process has been migrating this database for ${waitSeconds} seconds. Wait for it, or end it if it hangs.`,
    { retryAfterSeconds: waitSeconds },
  )
}

/** Skips the DDL if the table is complete, because even a change without effect waits for a table lock. */
async function createLedger(client: Client): Promise<void> {
  const { rows } = await client.query<{ there: boolean }>(
    `select count(*) = 2 as there from pg_attribute
      where attrelid = to_regclass('schema_migrations') and attname in ('needs', 'release')`,
  )
  if (rows[0]?.there) return
  await client.query(
    `create table if not exists schema_migrations (
       name       text primary key,
       checksum   text not null,
       applied_at timestamptz not null default now()
     );
     alter table schema_migrations add column if not exists needs text, add column if not exists release text`,
  )
}

/**
 * A migration that waits for a table lock blocks every later query on that table. So each attempt waits at most
 * `lockSeconds`, then pauses to let the other queries run, and tries again.
 */
async function apply(client: Client, migration: Migration, waitSeconds: number, place: DatabasePlace): Promise<void> {
  const tries = Math.max(1, Math.ceil(waitSeconds / (lockSeconds + pauseSeconds)))
  for (let left = tries - 1; ; left -= 1) {
    try {
      return await applyOnce(client, migration)
    } catch (error) {
      if (!isLockTimeout(error)) throw failed(migration, error, place)
      if (left <= 0) throw blocked(migration, waitSeconds)
    }
    await client.query('rollback')
    await wait(pauseSeconds * 1000)
  }
}

const lockSeconds = 1
const pauseSeconds = 2
const isLockTimeout = (error: unknown) => (error as { code?: string }).code === '55P03'

async function applyOnce(client: Client, { name, sql, checksum, needs }: Migration): Promise<void> {
  await client.query('begin')
  await client.query(`set local lock_timeout = '${lockSeconds}s'`)
  await createLedger(client)
  await client.query(sql)
  await client.query('insert into schema_migrations (name, checksum, needs, release) values ($1, $2, $3, $4)', [
    name,
    checksum,
    needs,
    release,
  ])
  await client.query('commit')
}

const failed = ({ name }: Migration, cause: unknown, place: DatabasePlace) =>
  new Failure(
    'migration_failed',
    'unavailable',
    `db/migrations/${name}.sql could not be applied. The database is unchanged by this file.`,
    { cause, detail: detailOf(cause, place) },
  )

const blocked = ({ name }: Migration, waitSeconds: number) =>
  new Failure(
    'migration_blocked',
    'unavailable',
    `db/migrations/${name}.sql changes a table that another session has locked for ${waitSeconds} seconds. Wait until that session (a dump, for example) has ended, then run this command again. The database is unchanged by this file.`,
    { retryAfterSeconds: waitSeconds },
  )
