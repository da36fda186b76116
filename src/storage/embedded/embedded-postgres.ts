/**
 * The embedded Postgres, for deployments without a database server. Any number
 * of processes share one data folder: the first one starts the server, the last
 * one stops it. Open connections show which processes use the server, so a killed
 * process no longer counts. The next process finds and uses a server that was
 * left running.
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
  /** Leaves the server, and stops it if no other process uses it. Close pools first. Safe to call again. */
  stop(): Promise<void>
}

export interface EmbeddedOptions {
  /** Only one process may serve from a folder; any number of commands may join it. */
  role: 'serve' | 'command'
  /** Called when the server was lost and could not be restarted at once. */
  onTrouble?: (error: unknown) => void
  /** False only in tests, where no data has to survive a power failure. */
  durable?: boolean
}

/**
 * Joins the server on this folder, or starts it. Creates a missing folder, and
 * restarts a server that dies while this process uses it.
 * @throws Failure `already_serving` if another process serves from this folder
 */
export async function joinOrStart(dataDir: string, options: EmbeddedOptions): Promise<EmbeddedPostgres> {
  await mkdir(dataDir, { recursive: true, mode: 0o700 })
  const home = await realpath(dataDir)
  const lease = new EmbeddedServerLease(home, options)
  await lease.begin()
  return { url: await embeddedUrl(home), stop: () => lease.end() }
}

/** The Postgres folder and log inside a data directory. `home` is an absolute path without symbolic links. */
export const postgresFolder = (home: string, durable = true): postgres.PostgresFolder => ({
  data: join(home, 'postgres'),
  log: join(home, 'postgres.log'),
  durable,
})

/** The connection URL of the server on this folder. */
export async function embeddedUrl(home: string, database = embeddedDatabase): Promise<string> {
  const host = encodeURIComponent(await socketFolder(postgresFolder(home).data))
  // The URL sets port and sslmode explicitly, because an operator's PGPORT or PGSSLMODE is meant for another server.
  return `postgres://${embeddedUser}@localhost:5432/${database}?host=${host}&sslmode=disable`
}

/** Resolves when the server is initialised, started and accepts connections. Call it under the folder's lock. */
export async function ensureRunning(home: string, folder = postgresFolder(home)): Promise<void> {
  await postgres.initialise(folder)
  const url = await embeddedUrl(home, 'postgres')
  let pid = await postgres.runningPid(folder)
  // Recovery after a crash takes time. A server process that ends is started again, up to five times.
  for (let starts = 0, waited = 0; waited < 3_000; waited += 1) {
    if (pid === undefined || !isAlive(pid)) {
      if (starts === 5) throw postgres.couldNot('start', await postgres.logTail(folder))
      if (starts > 0) await sleep(500)
      pid = await postgres.start(folder)
      starts += 1
    }
    if (await accepts(url)) return
    await sleep(waited < 100 ? 10 : 100)
  }
  throw postgres.couldNot('get ready in five minutes', await postgres.logTail(folder))
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

/** One process' use of the server: a connection held from `begin` to `end`, whose application name gives role and process id. */
class EmbeddedServerLease {
  readonly #home: string
  readonly #options: EmbeddedOptions
  readonly #leaving = new AbortController()
  #client: Client | undefined
  #rejoining: Promise<void> | undefined
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
    await this.#rejoining
    await this.#underLock(async () => {
      const client = this.#client
      this.#client = undefined
      // Without this connection the server is down or failing, so there is nothing to count or stop.
      if (!client) return
      const others = await othersPresent(client)
      await client.end()
      if (!others) await postgres.stop(postgresFolder(this.#home))
    })
  }

  #lost(client: Client): void {
    if (this.#client !== client) return
    this.#client = undefined
    if (!this.#leaving.signal.aborted) this.#rejoining = this.#rejoin()
  }

  async #rejoin(): Promise<void> {
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

/** The connection of the serving process holds this lock; Postgres releases it however the process ends. */
async function claimServing(client: Client, home: string): Promise<void> {
  let holder: number | undefined
  for (let attempt = 0; attempt < 50; attempt += 1) {
    const claim = await client.query<{ mine: boolean }>('select pg_try_advisory_lock($1) as mine', [servingLock])
    if (claim.rows[0]?.mine) return
    holder = await servingPid(client)
    if (holder !== undefined && isAlive(holder)) break
    // Postgres has not yet noticed that the previous process was killed.
    await sleep(100)
  }
  throw new Failure(
    'already_serving',
    'conflict',
    `${home} is in use by process ${holder ?? '?'} (${holder === undefined ? '?' : commandOf(holder)}). Stop that process first, or set another CLAVIGER_DATA_DIR for this one.`,
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
