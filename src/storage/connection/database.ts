/**
 * The way to Postgres: a pool that outlives lost connections. Statements on hot
 * paths are given as `{ name, text, values }`, so that each connection plans
 * them once.
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
  /** `postgres://…`; a Unix socket as `postgres://user@localhost/name?host=/folder`. Without it libpq's `PG*` variables decide. */
  url?: string | undefined
  /** Leads past a pooler, where `url` leads through one: for what needs a session of its own. */
  directUrl?: string | undefined
  /** Connections at most; what comes beyond waits. */
  poolSize?: number | undefined
  /** Seen in `pg_stat_activity`. */
  applicationName?: string | undefined
  /** How long one statement may take before the server ends it; 0 for as long as it likes. */
  statementTimeoutMs?: number | undefined
  /** How long to wait for a connection, new or from the pool. */
  connectTimeoutMs?: number | undefined
  /** Told of connections lost while idle; they are replaced by themselves. */
  onConnectionLost?: ((error: Error) => void) | undefined
  /** Watches every connection: none is used unless it leads to the primary. */
  primary?: PrimaryWatch | undefined
  /** Makes the socket of each connection. */
  socket?: (() => Socket) | undefined
}

export interface Statement {
  /** Prepared under this name once a connection. One name, one text. */
  name?: string
  text: string
  values?: readonly unknown[]
}

export interface Rows<Row> {
  rows: Row[]
  rowCount: number | null
}

/** The pool or one transaction: what a function that only asks questions takes. */
export interface Queryable {
  /** @throws Failure `database_unavailable` when the connection fails; other database errors as `pg` throws them, with `code`. */
  query<Row = Record<string, unknown>>(statement: string | Statement, values?: readonly unknown[]): Promise<Rows<Row>>
}

export interface Database extends Queryable {
  /**
   * A question that finds its row by a key, changes nothing and waits for no lock: it shares one connection with all
   * others of its kind (`shared-line.ts`). @throws as `query` does
   */
  lookUp<Row = Record<string, unknown>>(statement: Statement): Promise<Rows<Row>>
  /** Commits what `work` did, or none of it when it throws. */
  transaction<Result>(work: (client: Queryable) => Promise<Result>): Promise<Result>
  /** Connections: in all, idle, and callers waiting for one. For metrics. */
  readonly load: { total: number; idle: number; waiting: number }
  /** Closes every connection at once, busy or not; the next query opens a new one. */
  cut(): void
  /** Waits for queries under way, for some seconds at most, then ends the connections. Harmless when repeated. */
  close(): Promise<void>
}

/** Connects on first use; nothing here fails when the database is away. */
export function openDatabase(options: DatabaseOptions = {}): Database {
  return new PooledDatabase(options)
}

/** What `pg` needs to know for one connection. */
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
      : // The second limit is ours: it ends waiting for a server that no longer answers at all.
        { statement_timeout: statementTimeoutMs, query_timeout: statementTimeoutMs + 5_000 }),
  }
}

/**
 * One connection of its own, past a pooler where there is one: for LISTEN, locks of a session and migrations. `lost` is
 * told when it breaks, and which one: that may be before the caller has it in hands.
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
    // Zero was asked for, and the role may have a limit of its own.
    if (options.statementTimeoutMs === 0) await client.query('set statement_timeout = 0')
    return client
  } catch (error) {
    throw asFailure(error, placeOf(settings))
  }
}

/** Where `connectDirectly` leads. */
export const directPlaceOf = (options: DatabaseOptions): DatabasePlace =>
  placeOf(connectionSettings({ ...options, url: options.directUrl ?? options.url }))

class PooledDatabase implements Database {
  readonly #pool: Pool
  readonly #line: SharedLine
  readonly #sockets = new CuttableSockets()
  readonly #primary: PrimaryWatch | undefined
  readonly #stopWatching: (() => void) | undefined
  readonly #rethrow: (error: unknown) => never
  /** Where all queries share one connection: queries under way, and when the last one ended or the first one began. */
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
      // A connection that is thrown away takes its prepared statements along: keep it through a quiet spell.
      idleTimeoutMillis: 300_000,
      maxLifetimeSeconds: 3_600,
      ...(primary ? { verify: (client, done) => void this.#admit(client, primary).then(() => done(), done) } : {}),
    })
    // Without a listener, a connection lost while idle would end the process.
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
    // `pg` takes its arguments writable but leaves them alone.
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

  /** Through the shared connection, and through one that is idle: a busy one answers to whoever uses it. */
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

/** Where there is only one connection, it hangs when no query ends for so long. Longer than any that uses it takes. */
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

/** A connection that is checked out tells of its loss by an event of its own, which must have a listener too. */
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

/** Undefined when the connection may go back to the pool. */
async function rolledBack(client: PoolClient): Promise<Error | undefined> {
  try {
    await client.query('rollback')
    return undefined
  } catch (error) {
    return error as Error
  }
}
