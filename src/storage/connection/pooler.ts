/** Detects poolers between Claviger and Postgres by their behaviour, because poolers do not identify themselves. */
import type { Client } from 'pg'
import { Failure } from '../../errors/failure.ts'
import { connectionSettings, type DatabaseOptions } from './database.ts'
import { asFailure } from './database-failure.ts'
import { placeOf } from './database-place.ts'
import { cut, farewell } from './farewell.ts'
import { PostgresClient } from './postgres-client.ts'

/** What a connection keeps on its way to Postgres. */
export interface Route {
  /** A pooler answers in place of Postgres. */
  isPooled: boolean
  /** One connection always uses the same Postgres process, so that LISTEN, locks and settings last. */
  keepsSession: boolean
  /** A prepared statement can be run again later. */
  keepsStatements: boolean
  /** A transaction may hold more than one statement. */
  keepsTransactions: boolean
  /** Claviger's `statement_timeout` did not reach the server and the role has none, so the server never cancels slow statements. */
  isUnlimited: boolean
  /** Identifies the database and the start of its server. */
  target: string
}

/** Both routes to the database. They are the same if no direct URL is set. */
export interface Routes {
  pool: Route
  direct: Route
}

export async function examineRoutes({ url, directUrl }: Pick<DatabaseOptions, 'url' | 'directUrl'>): Promise<Routes> {
  const pool = await examineRoute(url)
  return { pool, direct: directUrl === undefined ? pool : await examineRoute(directUrl) }
}

/** How many other connections hold transactions during the test, so that a pooler has to share its server connections. */
const mostOthers = 4
const patienceMs = 3_000

async function examineRoute(url: string | undefined): Promise<Route> {
  const settings = connectionSettings({ url, applicationName: 'claviger looks', statementTimeoutMs: patienceMs })
  const opened: PostgresClient[] = []
  const open = async () => {
    const client = new PostgresClient({ ...settings, query_timeout: patienceMs })
    client.on('error', () => {})
    opened.push(client)
    await client.connect()
    return client
  }
  try {
    const client = await open()
    const { pid, limit, target } = await ask(client)
    // Postgres reports its own process id for cancelling; a pooler invents a number.
    const isPooled = (client as PostgresClient & { processID: number | null }).processID !== pid
    const route = { isPooled, isUnlimited: limit === '0', target }
    const kept = { keepsSession: true, keepsStatements: true, keepsTransactions: true }
    return { ...route, ...kept, ...(isPooled ? await lostThroughPooler(client, pid, open) : {}) }
  } catch (error) {
    throw asFailure(error, placeOf(settings))
  } finally {
    await Promise.all(
      opened.map((client) =>
        farewell(
          client.end().catch(() => {}),
          () => cut(client),
        ),
      ),
    )
  }
}

interface Asked {
  pid: number
  limit: string
  target: string
}

/** The statement has a name, so that the second call only executes it. */
async function ask(client: Client): Promise<Asked> {
  const { rows } = await client.query({
    name: 'claviger-route',
    text: `select pg_backend_pid() as pid, current_setting('statement_timeout') as limit,
                  d.oid || '@' || pg_postmaster_start_time() as target
             from pg_database d where d.datname = current_database()`,
  })
  return rows[0] as Asked
}

/** Other connections hold transactions, so that a pooler that keeps no session must switch to another Postgres process. */
async function lostThroughPooler(client: Client, pid: number, open: () => Promise<Client>): Promise<Partial<Route>> {
  for (let others = 0; others < mostOthers; others += 1) {
    let isTaken: boolean
    try {
      const other = await open()
      await other.query('begin')
      const { rows } = await other.query<{ pid: number }>('select pg_backend_pid() as pid')
      isTaken = rows[0]?.pid === pid
    } catch (error) {
      if (/statement pooling/.test((error as Error).message))
        return { keepsSession: false, keepsStatements: false, keepsTransactions: false }
      // The pooler has no connection left for others, so it did not give this client's connection away.
      return {}
    }
    const again = await ask(client).catch((error: Error & { code?: string }) => error)
    if (again instanceof Error) {
      const isForgotten = /^(26000|42P05)$/.test((again as { code?: string }).code ?? '')
      return { keepsSession: false, keepsStatements: !isForgotten }
    }
    if (isTaken || again.pid !== pid) return { keepsSession: false }
  }
  return {}
}

/** @throws Failure `database_pooler` if the direct route keeps no session; `database_mismatch` if the routes differ */
export function refuseSharedSession({ pool, direct }: Routes, { directUrl }: Pick<DatabaseOptions, 'directUrl'>): void {
  if (pool.target !== direct.target) throw areDifferent()
  if (direct.keepsSession) return
  const name = directUrl === undefined ? 'DATABASE_URL' : 'CLAVIGER_DATABASE_DIRECT_URL'
  throw refusal(
    `${name} leads through a pooler in transaction mode, but LISTEN, locks and migrations need a session.`,
    [
      'Set CLAVIGER_DATABASE_DIRECT_URL to a URL of the same database that bypasses the pooler, or use session mode (pool_mode=session).',
    ],
  )
}

/** @throws Failure `database_pooler` if statements of the pool would fail */
export function refuseForgetfulPooler({ pool }: Routes): void {
  if (!pool.keepsTransactions)
    throw refusal('DATABASE_URL leads through a pooler in statement mode, which allows no transactions.', [
      'Use session mode or transaction mode (pool_mode of pgbouncer.ini).',
    ])
  if (!pool.keepsStatements)
    throw refusal('DATABASE_URL leads through a pooler in transaction mode that loses prepared statements.', [
      'Use PgBouncer 1.21 or later with max_prepared_statements above 0, or session mode (pool_mode=session).',
    ])
}

const refusal = (sentence: string, hints: string[]) =>
  new Failure('database_pooler', 'conflict', sentence, { detail: { hints } })

const areDifferent = () =>
  new Failure(
    'database_mismatch',
    'conflict',
    'DATABASE_URL and CLAVIGER_DATABASE_DIRECT_URL lead to different databases.',
    {
      detail: { hints: ['Set both to the same database on the same server. The second URL only bypasses a pooler.'] },
    },
  )
