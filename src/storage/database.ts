/**
 * The way to Postgres: a pool that outlives lost connections. Statements on hot
 * paths are given as `{ name, text, values }`, so that each connection plans
 * them once.
 */
import { type Client, Pool, type PoolClient } from 'pg'
import { asFailure } from './database-failure.ts'
import { type DatabasePlace, placeOf } from './database-place.ts'
import { clientsOf, farewell } from './farewell.ts'
import { PostgresClient, type PostgresConfig } from './postgres-client.ts'
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
  readonly #rethrow: (error: unknown) => never
  readonly #clients: ReadonlySet<Client>
  #closing: Promise<void> | undefined

  constructor(options: DatabaseOptions) {
    const settings = connectionSettings(options)
    const place = placeOf(settings)
    this.#rethrow = (error) => {
      throw asFailure(error, place)
    }
    this.#pool = new Pool({
      ...settings,
      Client: PostgresClient as never,
      max: options.poolSize ?? 10,
      // A connection that is thrown away takes its prepared statements along: keep it through a quiet spell.
      idleTimeoutMillis: 300_000,
      maxLifetimeSeconds: 3_600,
    })
    this.#clients = clientsOf(this.#pool)
    // Without a listener, a connection lost while idle would end the process.
    this.#pool.on('error', (error) => options.onConnectionLost?.(error))
    this.#line = new SharedLine(settings, options.onConnectionLost)
  }

  get load(): { total: number; idle: number; waiting: number } {
    return { total: this.#pool.totalCount, idle: this.#pool.idleCount, waiting: this.#pool.waitingCount }
  }

  query<Row>(statement: string | Statement, values?: readonly unknown[]): Promise<Rows<Row>> {
    // `pg` takes its arguments writable but leaves them alone.
    return (this.#pool.query(statement as never, values as never) as unknown as Promise<Rows<Row>>).catch(this.#rethrow)
  }

  lookUp<Row>(statement: Statement): Promise<Rows<Row>> {
    return this.#line.query<Row>(statement).catch(this.#rethrow)
  }

  async transaction<Result>(work: (client: Queryable) => Promise<Result>): Promise<Result> {
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

  close(): Promise<void> {
    this.#closing ??= Promise.all([farewell(this.#pool.end(), () => this.#clients), this.#line.close()]).then(
      () => undefined,
    )
    return this.#closing
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
