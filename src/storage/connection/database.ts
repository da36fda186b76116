/**
 * Access to Postgres through a connection pool that replaces lost connections.
 * Statements on hot paths are passed as `{ name, text, values }`, so that each
 * connection prepares them once.
 */

import type { Socket } from 'node:net'
import { type Client, Pool, type PoolClient } from 'pg'
import { CuttableSockets } from './cuttable-sockets.ts'
import { asFailure } from './database-failure.ts'
import { type DatabasePlace, placeOf } from './database-place.ts'
import { farewell } from './farewell.ts'
import { PostgresClient, type PostgresConfig } from './postgres-client.ts'
import type { PrimaryWatch } from './primary-watch.ts'
import { SharedLine } from './shared-line.ts'
import { takeTlsSettings } from './tls-ways.ts'

export interface DatabaseOptions {
  /** `postgres://…`; a Unix socket as `postgres://user@localhost/name?host=/folder`. If absent, libpq's `PG*` variables decide. */
  url?: string | undefined
  /** A URL that bypasses a pooler, for work that needs its own session. */
  directUrl?: string | undefined
  /** Maximum number of connections; further callers wait. */
  poolSize?: number | undefined
  /** Shown in `pg_stat_activity`. */
  applicationName?: string | undefined
  /** How long a statement may run before the server cancels it; 0 for no limit. */
  statementTimeoutMs?: number | undefined
  /** How long to wait for a connection, new or from the pool. */
  connectTimeoutMs?: number | undefined
  /** Called when an idle connection is lost; the pool replaces it. */
  onConnectionLost?: ((error: Error) => void) | undefined
  /** Watches every connection, so that only connections to the primary are used. */
  primary?: PrimaryWatch | undefined
  /** Creates the socket of each connection. */
  socket?: (() => Socket) | undefined
}

export interface Statement {
  /** Name of the prepared statement on each connection. One name always has one text. */
  name?: string
  text: string
  values?: readonly unknown[]
}

export interface Rows<Row> {
  rows: Row[]
  rowCount: number | null
}

/** The pool or one transaction, for functions that only run queries. */
export interface Queryable {
  /** @throws Failure `database_unavailable` if the connection fails; other database errors as `pg` throws them, with `code` */
  query<Row = Record<string, unknown>>(statement: string | Statement, values?: readonly unknown[]): Promise<Rows<Row>>
}

export interface Database extends Queryable {
  /**
   * A query that finds its row by a key, changes nothing and waits for no lock. All such queries share one connection
   * (`shared-line.ts`). @throws as `query` does
   */
  lookUp<Row = Record<string, unknown>>(statement: Statement): Promise<Rows<Row>>
  /** Commits the changes of `work`, or rolls all of them back if it throws. */
  transaction<Result>(work: (client: Queryable) => Promise<Result>): Promise<Result>
  /** Numbers of connections, of idle ones, and of callers that wait for one. For metrics. */
  readonly load: { total: number; idle: number; waiting: number }
  /** Closes every connection at once, busy or not; the next query opens a new one. */
  cut(): void
  /** Waits some seconds for running queries, then closes the connections. Safe to call again. */
  close(): Promise<void>
}

/** Connects on first use, so this call succeeds even if the database is unavailable. */
export function openDatabase(options: DatabaseOptions = {}): Database {
  return new PooledDatabase(options)
}

/** The settings of one `pg` connection. */
export function connectionSettings(options: DatabaseOptions): PostgresConfig {
  const statementTimeoutMs = options.statementTimeoutMs ?? 15_000
  const { url, tls } = takeTlsSettings(options.url)
  return {
    ...(url === undefined ? {} : { connectionString: url }),
    tls,
    application_name: options.applicationName ?? 'claviger',
    connectionTimeoutMillis: options.connectTimeoutMs ?? 5_000,
    keepAlive: true,
    keepAliveInitialDelayMillis: 10_000,
    ...(options.socket ? { stream: options.socket } : {}),
    ...(statementTimeoutMs === 0
      ? {}
      : // The client's own limit ends the wait for a server that no longer answers.
        { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + 5_000 }),
  }
}

/**
 * Opens one separate connection, which bypasses a pooler: for LISTEN, session locks and migrations. `lost` is called with
 * the connection when it breaks, possibly before this function has returned it.
 * @throws Failure `database_unavailable`, `database_refused`
 */
export async function connectDirectly(
  options: DatabaseOptions,
  lost: (client: Client) => void = () => {},
): Promise<Client> {
  const settings = connectionSettings({ ...options, url: options.directUrl ?? options.url })
  const client = new PostgresClient(settings)
  client.on('error', () => lost(client))
  try {
    await client.connect()
    // The caller wants no limit, but the role may have one.
    if (options.statementTimeoutMs === 0) await client.query('set statement_timeout = 0')
    return client
  } catch (error) {
    throw asFailure(error, placeOf(settings))
  }
}

/** The place that `connectDirectly` connects to. */
export const directPlaceOf = (options: DatabaseOptions): DatabasePlace =>
  placeOf(connectionSettings({ ...options, url: options.directUrl ?? options.url }))

class PooledDatabase implements Database {
  readonly #pool: Pool
  readonly #line: SharedLine
  readonly #sockets = new CuttableSockets()
  readonly #primary: PrimaryWatch | undefined
  readonly #stopWatching: (() => void) | undefined
  readonly #rethrow: (error: unknown) => never
  /** For a pool of one connection: the number of running queries, and when the last one ended or the first one began. */
  readonly #only: { underWay: number; lastSignAt: number } | undefined
  #closing: Promise<void> | undefined

  constructor(options: DatabaseOptions) {
    const { primary } = options
    this.#only = options.poolSize === 1 ? { underWay: 0, lastSignAt: 0 } : undefined
    const settings = connectionSettings({ ...options, socket: this.#sockets.create })
    const place = placeOf(settings)
    const rethrow = (error: unknown): never => {
      throw asFailure(error, place)
    }
    this.#rethrow = rethrow
    this.#primary = primary
    this.#pool = new Pool({
      ...settings,
      Client: PostgresClient as never,
      max: options.poolSize ?? 10,
      // A closed connection loses its prepared statements, so idle connections stay open for five minutes.
      idleTimeoutMillis: 300_000,
      maxLifetimeSeconds: 3_600,
      ...(primary ? { verify: (client, done) => void this.#admit(client, primary).then(() => done(), done) } : {}),
    })
    // Without a listener, the loss of an idle connection would end the process.
    this.#pool.on('error', (error) => options.onConnectionLost?.(error))
    this.#line = new SharedLine(settings, { onLost: options.onConnectionLost, primary })
    this.#stopWatching = primary?.watch({
      name: options.applicationName ?? 'claviger',
      ask: (statement) => this.#ask(statement),
      cut: () => this.cut(),
    })
  }

  get load(): { total: number; idle: number; waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount }
  }

  async query<Row>(statement: string | Statement, values?: readonly unknown[]): Promise<Rows<Row>> {
    this.#primary?.assertProven()
    // The types of `pg` want writable arguments, but `pg` does not change them.
    const rows = this.#pool.query(statement as never, values as never) as unknown as Promise<Rows<Row>>
    return (this.#only ? timed(rows, this.#only) : rows).catch(this.#rethrow)
  }

  async lookUp<Row>(statement: Statement): Promise<Rows<Row>> {
    this.#primary?.assertProven()
    return this.#line.query<Row>(statement).catch(this.#rethrow)
  }

  async transaction<Result>(work: (client: Queryable) => Promise<Result>): Promise<Result> {
    this.#primary?.assertProven()
    const client = await this.#pool.connect().catch(this.#rethrow)
    const broken = watchForLoss(client)
    try {
      await client.query('begin')
      const result = await work(queryableOn(client, this.#rethrow))
      await client.query('commit')
      client.off('error', broken.listener)
      client.release()
      return result
    } catch (error) {
      const unusable = broken.error ?? (await rolledBack(client))
      client.off('error', broken.listener)
      client.release(unusable)
      this.#rethrow(error)
    }
  }

  cut(): void {
    this.#sockets.cut()
  }

  close(): Promise<void> {
    this.#stopWatching?.()
    this.#closing ??= farewell(Promise.all([this.#pool.end(), this.#line.close()]), () => this.cut())
    return this.#closing
  }

  async #admit(client: PoolClient, primary: PrimaryWatch): Promise<void> {
    const broken = watchForLoss(client)
    try {
      await primary.admit(queryableOn(client, this.#rethrow))
    } finally {
      client.off('error', broken.listener)
    }
    if (broken.error) throw broken.error
  }

  /** Asks through the shared connection and through an idle one of the pool. Busy connections are not asked. */
  async #ask(statement: Statement): Promise<Rows<Record<string, unknown>>> {
    const isIdle = this.#pool.idleCount > 0 && this.#pool.waitingCount === 0
    if (this.#only && this.#only.underWay > 0 && performance.now() - this.#only.lastSignAt > hangingMs) {
      throw new Error(`no query was answered for ${hangingMs / 1000} s`)
    }
    const answers = await Promise.all([
      this.#line.ask<Record<string, unknown>>(statement),
      isIdle ? (this.#pool.query(statement as never) as unknown as Promise<Rows<Record<string, unknown>>>) : undefined,
    ])
    const rows = answers.flatMap((answer) => answer?.rows ?? [])
    return { rows, rowCount: rows.length }
  }
}

/** A pool of one connection counts as hanging if no query ends for so long. Every query through it takes less time. */
const hangingMs = 3_000

async function timed<T>(rows: Promise<T>, times: { underWay: number; lastSignAt: number }): Promise<T> {
  if (times.underWay === 0) times.lastSignAt = performance.now()
  times.underWay += 1
  try {
    return await rows
  } finally {
    times.underWay -= 1
    times.lastSignAt = performance.now()
  }
}

const queryableOn = (client: PoolClient, rethrow: (error: unknown) => never): Queryable => ({
  query: <Row>(statement: string | Statement, values?: readonly unknown[]) =>
    (client.query(statement as never, values as never) as unknown as Promise<Rows<Row>>).catch(rethrow),
})

/** A checked-out connection emits its own error event, which needs a listener too. */
function watchForLoss(client: PoolClient): { error: Error | undefined; listener: (error: Error) => void } {
  const watch = {
    error: undefined as Error | undefined,
    listener: (error: Error) => {
      watch.error = error
    },
  }
  client.on('error', watch.listener)
  return watch
}

/** Undefined if the connection may return to the pool. */
async function rolledBack(client: PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback')
    return undefined
  } catch (error) {
    return error as Error
  }
}
