/**
 * The Postgres that comes along, for those who bring none. Any number of our
 * processes share one data folder: the first starts the server, the last to
 * leave stops it. Who is there is known by the connections they hold, so a
 * process that was killed has left as well, and a server that was left running
 * is simply found and used by the next one.
 */
import { mkdir, realpath } from 'node:fs/promises'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import type { Client } from 'pg'
import { Failure } from '../../errors/failure.ts'
import { connectDirectly } from '../connection/database.ts'
import { withFolderLock } from './folder-lock.ts'
import * as postgres from './postgres-process.ts'
import { embeddedDatabase, embeddedUser } from './postgres-settings.ts'
import { commandOf, isAlive } from './process-table.ts'
import { socketFolder } from './socket-folder.ts'

export interface EmbeddedPostgres {
  /** Where to connect, as for `DATABASE_URL`. */
  url: string
  /** Leaves; stops the server if nobody else uses it. Close pools first. Harmless when repeated. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** Only one process may serve from a folder; any number of commands may join it. */
  role: 'serve' | 'command'
  /** Told when the server was lost and could not be brought back at once. */
  onTrouble?: (error: unknown) => void
  /** False only where nothing has to outlive a power failure: in tests. */
  durable?: boolean
}

/**
 * Joins the server on this folder, or starts it; creates the folder at first.
 * Brings it back when it dies while we are here.
 * @throws Failure `already_serving` when another process serves from it
 */
export async function joinOrStart(dataDir: string, options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const home = await realpath(dataDir)
  const attendance = new Attendance(home, options)
  await attendance.begin()
  return { url: await embeddedUrl(home), stop: () => attendance.end() }
}

/** The folder in which a data directory keeps its Postgres. `home` is an absolute path without links. */
export const postgresFolder = (home: string, durable = true): postgres.PostgresFolder => ({
  data: join(home, 'postgres'),
  log: join(home, 'postgres.log'),
  durable,
})

/** Where the server on this folder is reached. */
export async function embeddedUrl(home: string, database = embeddedDatabase): Promise<string> {
  const host = encodeURIComponent(await socketFolder(postgresFolder(home).data))
  // Port and sslmode are said outright: an operator's PGPORT or PGSSLMODE is meant for another server.
  return `postgres://${embeddedUser}@localhost:5432/${database}?host=${host}&sslmode=disable`
}

/** Initialised, started and accepting connections when this resolves. Call it under the folder's lock. */
export async function ensureRunning(home: string, folder = postgresFolder(home)): Promise<void> {
  await postgres.initialise(folder)
  const url = await embeddedUrl(home, 'postgres')
  let pid = await postgres.runningPid(folder)
  // Recovery after a crash may take a while; a server that ends by itself will not get better by waiting.
  for (let starts = 0, waited = 0; waited < 3_000; waited += 1) {
    if (pid === undefined || !isAlive(pid)) {
      if (starts === 5) throw postgres.couldNot('start', await postgres.lastWords(folder))
      if (starts > 0) await sleep(500)
      pid = await postgres.start(folder)
      starts += 1
    }
    if (await accepts(url)) return
    await sleep(waited < 100 ? 10 : 100)
  }
  throw postgres.couldNot('get ready in five minutes', await postgres.lastWords(folder))
}

async function accepts(url: string): Promise<boolean> {
  try {
    const client = await connectDirectly({ url, applicationName: 'claviger knocks' })
    await client.end()
    return true
  } catch (error) {
    if (error instanceof Failure && error.code === 'database_unavailable') return false
    throw error
  }
}

/** Being there: one connection, held from begin to end, under a name that tells what we are. */
class Attendance {
  readonly #home: string
  readonly #options: EmbeddedOptions
  readonly #leaving = new AbortController()
  #client: Client | undefined
  #returning: Promise<void> | undefined
  #ended: Promise<void> | undefined

  constructor(home: string, options: EmbeddedOptions) {
    this.#home = home
    this.#options = options
  }

  begin(): Promise<void> {
    return this.#underLock(async () => {
      await ensureRunning(this.#home, postgresFolder(this.#home, this.#options.durable))
      const client = await connectDirectly(
        {
          url: await embeddedUrl(this.#home, 'postgres'),
          applicationName: `claviger:${this.#options.role}:${process.pid}`,
        },
        (client) => this.#lost(client),
      )
      try {
        if (this.#options.role === 'serve') await claimServing(client, this.#home)
        await ensureDatabase(client)
        this.#client = client
      } catch (error) {
        await client.end()
        throw error
      }
    })
  }

  end(): Promise<void> {
    this.#ended ??= this.#leave()
    return this.#ended
  }

  async #leave(): Promise<void> {
    this.#leaving.abort()
    await this.#returning
    await this.#underLock(async () => {
      const client = this.#client
      this.#client = undefined
      // Without our connection the server is down or in trouble: nothing to count, nothing to stop.
      if (!client) return
      const others = await othersPresent(client)
      await client.end()
      if (!others) await postgres.stop(postgresFolder(this.#home))
    })
  }

  #lost(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    if (!this.#leaving.signal.aborted) this.#returning = this.#comeBack()
  }

  async #comeBack(): Promise<void> {
    const { signal } = this.#leaving
    while (!signal.aborted) {
      try {
        return await this.begin()
      } catch (error) {
        this.#options.onTrouble?.(error)
        await sleep(1_000, undefined, { signal }).catch(() => {})
      }
    }
  }

  #underLock<Result>(work: () => Promise<Result>): Promise<Result> {
    return withFolderLock(join(this.#home, 'postgres.lock'), work)
  }
}

const servingLock = 4_031_946_202

/** Held by the session of the one that serves; gone with it however it ends. */
async function claimServing(client: Client, home: string): Promise<void> {
  let holder: number | undefined
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const claim = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [servingLock])
    if (claim.rows[0]?.mine) return
    holder = await servingPid(client)
    if (holder !== undefined && isAlive(holder)) break
    // The server has not yet noticed that the last one was killed.
    await sleep(100)
  }
  throw new Failure(
    'already_serving',
    'conflict',
    `${home} is in use by process ${holder ?? '?'} (${holder === undefined ? '?' : commandOf(holder)}): stop that one first, or give this one another CLAVIGER_DATA_DIR.`,
    { detail: { pid: holder } },
  )
}

async function servingPid(client: Client): Promise<number | undefined> {
  const { rows } = await client.query<{ application_name: string }>(
    `select application_name from pg_stat_activity
      where application_name like 'claviger:serve:%' and pid <> pg_backend_pid()`,
  )
  return rows[0] && Number(rows[0].application_name.split(':')[2])
}

async function othersPresent(client: Client): Promise<boolean> {
  const { rowCount } = await client
    .query(`select from pg_stat_activity where application_name like 'claviger:%' and pid <> pg_backend_pid()`)
    .catch(() => ({ rowCount: 1 }))
  return rowCount !== 0
}

async function ensureDatabase(client: Client): Promise<void> {
  const { rowCount } = await client.query('select from pg_database where datname = $1', [embeddedDatabase])
  if (rowCount === 0) await client.query(`create database ${embeddedDatabase}`)
}
