/** Finds poolers between us and Postgres, by what they do: PgBouncer and its like say nothing of themselves. */
import type { Client } from 'pg'
import { Failure } from '../../errors/failure.ts'
import { connectionSettings, type DatabaseOptions } from './database.ts'
import { asFailure } from './database-failure.ts'
import { placeOf } from './database-place.ts'
import { cut, farewell } from './farewell.ts'
import { PostgresClient } from './postgres-client.ts'

/** What became of a connection on its way to Postgres. */
export interface Route {
  /** Something between answers in the name of Postgres. */
  isPooled: boolean
  /** One connection stays with one process of Postgres, so that LISTEN, locks and settings last. */
  keepsSession: boolean
  /** A statement prepared once may be run later. */
  keepsStatements: boolean
  /** A transaction may hold more than one statement. */
  keepsTransactions: boolean
  /** Our `statement_timeout` did not get through, and the role has none: nothing ends slow statements on the server. */
  isUnlimited: boolean
  /** Names the database behind it, and the run of its server. */
  target: string
}

/** Both ways to the database. Without a URL past the pooler, the two are one. */
export interface Routes {
  pool: Route
  direct: Route
}

export async function examineRoutes({ url, directUrl }: Pick<DatabaseOptions, 'url' | 'directUrl'>): Promise<Routes> {
  const pool = await examineRoute(url)
  return { pool, direct: directUrl === undefined ? pool : await examineRoute(directUrl) }
}

/** So many connections hold transactions at a time, so that a pooler has to share out its own. */
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
    // A pooler makes up the number by which a statement would be cancelled; Postgres gives that of its own process.
    const isPooled = (client as PostgresClient & { processID: number | null }).processID !== pid
    const route = { isPooled, isUnlimited: limit === '0', target }
    const kept = { keepsSession: true, keepsStatements: true, keepsTransactions: true }
    return { ...route, ...kept, ...(isPooled ? await whatIsLost(client, pid, open) : {}) }
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

/** Named, so that the second time it is only run. */
async function ask(client: Client): Promise<Asked> {
  const { rows } = await client.query({
    name: 'claviger-route',
    text: `select pg_backend_pid() as pid, current_setting('statement_timeout') as limit,
                  d.oid || '@' || pg_postmaster_start_time() as target
             from pg_database d where d.datname = current_database()`,
  })
  return rows[0] as Asked
}

/** Others hold transactions meanwhile: what comes to another process of Postgres then was never kept. */
async function whatIsLost(client: Client, pid: number, open: () => Promise<Client>): Promise<Partial<Route>> {
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
      // The pooler has no connection left for others: then nobody else got ours.
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

/** @throws Failure `database_pooler` when what needs a session would not have one; `database_mismatch` */
export function refuseSharedSession({ pool, direct }: Routes, { directUrl }: Pick<DatabaseOptions, 'directUrl'>): void {
  if (pool.target !== direct.target) throw areDifferent()
  if (direct.keepsSession) return
  const name = directUrl === undefined ? 'DATABASE_URL' : 'CLAVIGER_DATABASE_DIRECT_URL'
  throw refusal(
    `${name} leads through a pooler in transaction mode, and LISTEN, locks and migrations need a session.`,
    [
      'Set CLAVIGER_DATABASE_DIRECT_URL to a URL of the same database that leads past the pooler, or use session mode (pool_mode=session).',
    ],
  )
}

/** @throws Failure `database_pooler` when statements of the pool would fail */
export function refuseForgetfulPooler({ pool }: Routes): void {
  if (!pool.keepsTransactions)
    throw refusal('DATABASE_URL leads through a pooler in statement mode, which takes no transactions.', [
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
      detail: { hints: ['Let both name the same database on the same server: the second only leads past a pooler.'] },
    },
  )
