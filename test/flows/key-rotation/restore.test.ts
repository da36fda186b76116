/**
 * A backup brought to a new host: what was handed out before still works there. Three kinds of copy: the data folder of a
 * stopped Postgres, as for the embedded one; every row of every table with the triggers asleep, as a dump of data alone
 * restores; and, where this machine has them, `pg_dump` and `pg_restore` themselves.
 */
import { execFile } from 'node:child_process'
import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { embeddedUrl, ensureRunning, postgresFolder } from '../../../src/storage/embedded/embedded-postgres.ts'
import { stop } from '../../../src/storage/embedded/postgres-process.ts'
import { emptyDatabase, freshDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { openRows } from '../../harness/rows.ts'
import { findSystemPostgres, type SystemPostgres, startSystemPostgres } from '../../harness/system-postgres.ts'
import { MovingHouse } from './moving-house.ts'

const newHome = async () => realpath(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'host-')))

describe('a backup of the embedded Postgres', () => {
  const house = new MovingHouse()
  let homes: string[]
  let rowsBefore: Map<string, string[]>

  beforeAll(async () => {
    homes = [await newHome(), await newHome()]
    const [home = ''] = homes
    await ensureRunning(home, postgresFolder(home, false))
    const url = await embeddedUrl(home, 'postgres')
    await house.liveOn(url)
    const rows = await openRows(url)
    rowsBefore = await copyOf(rows)
    await rows.close()
  }, 90_000)

  afterAll(async () => {
    await house.leave()
    await Promise.all(homes.map((home) => stop(postgresFolder(home, false))))
  })

  describe('as the data folder of a stopped one, copied to a new host', () => {
    let url: string

    beforeAll(async () => {
      const [old = '', fresh = ''] = homes
      await stop(postgresFolder(old, false))
      // As an operator would: with owners and modes, which Postgres insists on.
      await promisify(execFile)('cp', ['-a', postgresFolder(old).data, postgresFolder(fresh).data])
      await ensureRunning(fresh, postgresFolder(fresh, false))
      url = await embeddedUrl(fresh, 'postgres')
    }, 60_000)

    test('with another key-encryption key it stops before it serves and names both fingerprints', () =>
      house.expectWrongKeyStops(url))

    test('with the same one tokens, sessions and refresh tokens from before still work', async () => {
      const provider = await house.startOn(url)
      await house.expectEverythingWorks()
      await provider.stop()
    })
  })

  describe('as every row of every table, restored with the triggers asleep', () => {
    test('tokens, sessions and refresh tokens from before still work', async () => {
      const database = await freshDatabase()
      const rows = await openRows(database.url)
      await rows.query(`set session_replication_role = 'replica'`)
      for (const [table, copies] of rowsBefore) {
        await rows.query(`delete from ${table}`)
        for (const copy of copies) {
          await rows.query(
            `insert into ${table} overriding system value select * from jsonb_populate_record(null::${table}, $1)`,
            [copy],
          )
        }
      }
      await rows.close()
      await house.expectWrongKeyStops(database.url)
      const provider = await house.startOn(database.url)
      await house.expectEverythingWorks()
      // The law holds on the restored rows as well: the schedule goes on.
      await provider.cli(['keys', 'rotate', '--now'])
      const isPublished = async () => (await house.publishedKids()).length > house.kids.length
      expect(await eventually(isPublished)).toBe(true)
      await provider.stop()
    }, 60_000)

    test('an empty database is no backup: the start makes new keys, and old tokens do not verify', async () => {
      await house.startOn((await emptyDatabase()).url)
      expect((await house.publishedKids()).filter((kid) => house.kids.includes(kid))).toEqual([])
    })
  })
})

/** Every row of every table, as a dump of data alone holds them. */
async function copyOf(rows: Awaited<ReturnType<typeof openRows>>): Promise<Map<string, string[]>> {
  const tables = await rows.query<{ name: string }>(
    `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`,
  )
  const copies = new Map<string, string[]>()
  for (const { name } of tables) {
    const found = await rows.query<{ row: string }>(`select to_jsonb(t)::text as row from ${name} t`)
    copies.set(
      name,
      found.map(({ row }) => row),
    )
  }
  return copies
}

const binaries = await findSystemPostgres()
const perhaps = binaries ? describe : describe.skip
const remark = binaries ? '' : ' (not run: no server with pg_dump and pg_restore of one version, 14 or newer, is here)'

perhaps(`a backup by pg_dump, restored by pg_restore on a new host${remark}`, () => {
  const house = new MovingHouse()
  const servers: SystemPostgres[] = []

  const startServer = async () => {
    const server = await startSystemPostgres(binaries ?? '')
    servers.push(server)
    return server
  }

  beforeAll(async () => {
    const dump = join(await newHome(), 'claviger.dump')
    const old = await startServer()
    await house.liveOn(old.url)
    await old.dump(dump)
    await old.stop()
    servers.length = 0
    await (await startServer()).restore(dump)
  }, 120_000)

  afterAll(async () => {
    await house.leave()
    await Promise.all(servers.map((server) => server.stop()))
  }, 30_000)

  test('stops before it serves under another key-encryption key and names both fingerprints', () =>
    house.expectWrongKeyStops(servers[0]?.url ?? ''))

  test('keeps tokens, sessions and refresh tokens from before valid, and the schedule goes on', async () => {
    const provider = await house.startOn(servers[0]?.url ?? '')
    await house.expectEverythingWorks()
    await provider.cli(['keys', 'rotate', '--now'])
    const grown = await eventually(async () => (await house.publishedKids()).length > house.kids.length)
    expect(grown).toBe(true)
  }, 60_000)
})
