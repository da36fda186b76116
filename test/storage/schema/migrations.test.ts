import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { connectDirectly, type Database, openDatabase } from '../../../src/storage/connection/database.ts'
import { appliedMigrations, migrate, migrationsFolder, planUpgrade } from '../../../src/storage/schema/migrations.ts'
import { emptyDatabase, freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { runProgram } from '../../harness/program.ts'

let place: TestDatabase
let db: Database

beforeEach(async () => {
  place = await emptyDatabase()
  db = openDatabase({ url: place.url })
})

afterEach(async () => {
  await db.close()
  await place.drop()
})

async function folderWith(files: Record<string, string>): Promise<string> {
  const folder = await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'migrations-'))
  for (const [name, sql] of Object.entries(files)) await writeFile(join(folder, name), sql)
  return folder
}

const tables = async () =>
  (
    await db.query<{ name: string }>(`select tablename as name from pg_tables where schemaname = 'public' order by 1`)
  ).rows.map(({ name }) => name)

const pendingOf = async (folder?: string) => (await planUpgrade(db, folder)).pending.map(({ name }) => name)

const one = { '000001-one.sql': 'create table one (id int)' }
const two = { ...one, '000002-two.sql': 'create table two (id int); create table three (id int)' }

describe('migrations of this release', () => {
  test('bring an empty database up to date, once', async () => {
    const files = (await readdir(migrationsFolder)).map((file) => file.replace('.sql', '')).sort()
    expect(await pendingOf()).toEqual(files)
    expect(await migrate({ url: place.url })).toEqual(files)
    expect(await migrate({ url: place.url })).toEqual([])
    expect(await pendingOf()).toEqual([])
    expect((await appliedMigrations(db)).map(({ name }) => name)).toEqual(files)
  })

  test('are all in the template that tests clone', async () => {
    const fresh = await freshDatabase()
    const cloned = openDatabase({ url: fresh.url })
    expect((await planUpgrade(cloned)).pending).toEqual([])
    await cloned.close()
    await fresh.drop()
  })

  test('five cold starts at once on an empty database give one migration and no crash', async () => {
    const starts = Array.from({ length: 5 }, () =>
      runProgram(join(import.meta.dirname, 'migrate-program.ts'), [place.url]),
    )
    await Promise.all(starts.map((start) => start.line()))
    for (const start of starts) start.say('go')
    const applied = (await Promise.all(starts.map((start) => start.line()))).map(Number).sort()
    expect(applied).toEqual([0, 0, 0, 0, (await readdir(migrationsFolder)).length])
    expect(await Promise.all(starts.map((start) => start.end()))).toEqual([0, 0, 0, 0, 0])
    expect(await pendingOf()).toEqual([])
  })
})

describe('upgrades', () => {
  test('apply what is missing, in order, also when releases were skipped', async () => {
    await migrate({ url: place.url }, { folder: await folderWith(one) })
    const three = await folderWith({ ...two, '000003-four.sql': 'alter table three rename to four' })
    expect(await migrate({ url: place.url }, { folder: three })).toEqual(['000002-two', '000003-four'])
    expect(await tables()).toEqual(['four', 'one', 'schema_migrations', 'two'])
  })

  test('one that fails leaves the database as it was before it, with the reason', async () => {
    const broken = await folderWith({ ...one, '000002-two.sql': 'create table two (id int); select 1/0' })
    await expect(migrate({ url: place.url }, { folder: broken })).rejects.toMatchObject({
      code: 'migration_failed',
      message: expect.stringContaining('000002-two'),
      detail: { reason: expect.stringMatching(/role "claviger": division by zero \(SQLSTATE 22012\)$/) },
    })
    expect(await tables()).toEqual(['one', 'schema_migrations'])
    expect(await migrate({ url: place.url }, { folder: await folderWith(two) })).toEqual(['000002-two'])
  })

  test.each([
    [
      'a database that a newer release has taken further than this program can follow',
      {
        ...one,
        '000010-more.sql': 'create table more (id int)',
        '000011-less.sql': '-- needs: 000010-more\ndrop table one',
      },
      one,
      'schema_too_new',
      /000011-less/,
    ],
    ['a database with a migration that is no longer there', two, one, 'migration_unknown', /000002-two/],
    ['an edited migration', one, { '000001-one.sql': 'create table uno (id int)' }, 'migration_edited', /000001-one/],
    [
      'a migration that comes too late for its number',
      { '000002-two.sql': two['000002-two.sql'] },
      two,
      'migration_out_of_order',
      /000001-one/,
    ],
  ])('%s is refused before anything changes, by name', async (_, applied, present, code, names) => {
    await migrate({ url: place.url }, { folder: await folderWith(applied) })
    const before = await tables()
    const folder = await folderWith({ ...present, '000009-more.sql': 'create table more (id int)' })
    const refused = { code, kind: 'conflict', message: expect.stringMatching(names) }
    await expect(migrate({ url: place.url }, { folder })).rejects.toMatchObject(refused)
    await expect(planUpgrade(db, folder)).rejects.toMatchObject(refused)
    expect(await tables()).toEqual(before)
  })

  test('a database that a newer release has taken further is left alone where this program can live with it', async () => {
    const next = await folderWith({ ...two, '000003-more.sql': 'alter table one add column more int' })
    await migrate({ url: place.url }, { folder: next })
    const folder = await folderWith(one)
    expect(await planUpgrade(db, folder)).toEqual({ pending: [], ahead: ['000002-two', '000003-more'] })
    expect(await migrate({ url: place.url }, { folder })).toEqual([])
  })

  test('what a database knows already is not done again by a file that replaces it', async () => {
    await migrate({ url: place.url }, { folder: await folderWith(two) })
    const merged = { '000003-all.sql': '-- replaces: all up to 000002-two of 1.4.0\ncreate table one (id int)' }
    const folder = await folderWith(merged)
    expect(await migrate({ url: place.url }, { folder })).toEqual(['000003-all'])
    expect(await migrate({ url: place.url }, { folder })).toEqual([])
    await place.drop()
    place = await emptyDatabase()
    expect(await migrate({ url: place.url }, { folder })).toEqual(['000003-all'])
  })

  test('a database from before this table told of releases gets its columns', async () => {
    await db.query(
      `create table schema_migrations (name text primary key, checksum text not null, applied_at timestamptz not null default now())`,
    )
    const folder = await folderWith(one)
    expect(await migrate({ url: place.url }, { folder })).toEqual(['000001-one'])
    expect(await appliedMigrations(db)).toEqual([
      {
        name: '000001-one',
        checksum: expect.any(String),
        at: expect.any(Date),
        needs: null,
        release: expect.stringMatching(/^\d+\.\d+\.\d+/),
      },
    ])
  })

  test('a change to a table that a dump is reading lets the others through while it waits', async () => {
    await migrate({ url: place.url }, { folder: await folderWith(one) })
    const folder = await folderWith({ ...one, '000002-more.sql': 'alter table one add column more int' })
    const dump = await connectDirectly({ url: place.url })
    await dump.query('begin')
    // A dump holds every table, and the one that tells what has been applied among them.
    await dump.query('select from one, schema_migrations')
    const migrating = migrate({ url: place.url }, { folder })
    const waiting = () =>
      db.query(`select from pg_locks where relation = 'one'::regclass and not granted and mode = 'AccessExclusiveLock'`)
    expect(await eventually(async () => ((await waiting()).rowCount ? true : undefined))).toBe(true)
    await db.query('select from one')
    expect(await appliedMigrations(db)).toHaveLength(1)
    await dump.query('commit')
    expect(await migrating).toEqual(['000002-more'])
    await dump.end()
  })

  test('a change to a table that somebody never lets go of is given up, with the reason', async () => {
    await migrate({ url: place.url }, { folder: await folderWith(one) })
    const folder = await folderWith({ ...one, '000002-more.sql': 'alter table one add column more int' })
    await db.transaction(async (client) => {
      await client.query('select from one')
      await expect(migrate({ url: place.url }, { folder, waitSeconds: 1 })).rejects.toMatchObject({
        code: 'migration_blocked',
        message: expect.stringContaining('000002-more'),
      })
    })
    expect(await migrate({ url: place.url }, { folder })).toEqual(['000002-more'])
  })

  test('waiting for another process that migrates is bounded and explained', async () => {
    await db.transaction(async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [4_031_946_201])
      await expect(migrate({ url: place.url }, { waitSeconds: 0 })).rejects.toMatchObject({ code: 'migration_busy' })
    })
    expect(await migrate({ url: place.url })).not.toEqual([])
  })
})
