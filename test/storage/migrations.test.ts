import { mkdtemp, readdir, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { type Database, openDatabase } from '../../src/storage/database.ts'
import { appliedMigrations, migrate, migrationsFolder, pendingMigrations } from '../../src/storage/migrations.ts'
import { emptyDatabase, freshDatabase, type TestDatabase } from '../harness/database.ts'
import { runProgram } from '../harness/program.ts'

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

const one = { '000001-one.sql': 'create table one (id int)' }
const two = { ...one, '000002-two.sql': 'create table two (id int); create table three (id int)' }

describe('migrations of this release', () => {
  test('bring an empty database up to date, once', async () => {
    const files = (await readdir(migrationsFolder)).map((file) => file.replace('.sql', '')).sort()
    expect(await pendingMigrations(db)).toEqual(files)
    expect(await migrate({ url: place.url })).toEqual(files)
    expect(await migrate({ url: place.url })).toEqual([])
    expect(await pendingMigrations(db)).toEqual([])
    expect((await appliedMigrations(db)).map(({ name }) => name)).toEqual(files)
  })

  test('are all in the template that tests clone', async () => {
    const fresh = await freshDatabase()
    const cloned = openDatabase({ url: fresh.url })
    expect(await pendingMigrations(cloned)).toEqual([])
    await cloned.close()
    await fresh.drop()
  })

  test('five cold starts at once on an empty database give one migration and no crash', async () => {
    const starts = Array.from({ length: 5 }, () =>
      runProgram(join(import.meta.dirname, 'programs/migrate.ts'), [place.url]),
    )
    await Promise.all(starts.map((start) => start.line()))
    for (const start of starts) start.say('go')
    const applied = (await Promise.all(starts.map((start) => start.line()))).map(Number).sort()
    expect(applied).toEqual([0, 0, 0, 0, (await readdir(migrationsFolder)).length])
    expect(await Promise.all(starts.map((start) => start.end()))).toEqual([0, 0, 0, 0, 0])
    expect(await pendingMigrations(db)).toEqual([])
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
      detail: { reason: 'division by zero' },
    })
    expect(await tables()).toEqual(['one', 'schema_migrations'])
    expect(await migrate({ url: place.url }, { folder: await folderWith(two) })).toEqual(['000002-two'])
  })

  test.each([
    ['a database migrated by a newer release', two, one, 'schema_too_new', /000002-two/],
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
    await expect(pendingMigrations(db, folder)).rejects.toMatchObject(refused)
    expect(await tables()).toEqual(before)
  })

  test('waiting for another process that migrates is bounded and explained', async () => {
    await db.transaction(async (client) => {
      await client.query('select pg_advisory_xact_lock($1)', [4_031_946_201])
      await expect(migrate({ url: place.url }, { waitSeconds: 0 })).rejects.toMatchObject({ code: 'migration_busy' })
    })
    expect(await migrate({ url: place.url })).not.toEqual([])
  })
})
