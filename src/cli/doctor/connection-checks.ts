import type { Check, Finding } from './check.ts'

/** Connections besides the pool: LISTEN, the check of each second, the log of revocations, event streams and look-ups. The README documents them. */
const besidesPool = 6

export const rightsCheck: Check = {
  name: 'rights',
  async look({ connections }): Promise<Finding> {
    const { role, schema, canCreate } = await connections.rights()
    if (schema === null)
      return {
        outcome: 'failed',
        found: `No schema on the search_path of role "${role}" exists.`,
        mend: `Run on the server: alter role "${role}" reset search_path`,
      }
    if (!canCreate)
      return {
        outcome: 'warning',
        found: `Role "${role}" may not create tables in schema "${schema}", which migrations need.`,
        mend: `Run as the owner of the database: grant usage, create on schema "${schema}" to "${role}"`,
      }
    return { outcome: 'ok', found: `Role "${role}" may create tables in schema "${schema}".` }
  },
}

export const poolerCheck: Check = {
  name: 'pooler',
  async look({ connections, config }): Promise<Finding> {
    const { pool, direct } = await connections.routes()
    if (!pool.isPooled && !direct.isPooled) return { outcome: 'ok', found: 'Connections lead to Postgres itself.' }
    const mode = !pool.keepsTransactions ? 'statement' : pool.keepsSession ? 'session' : 'transaction'
    const found = pool.isPooled
      ? `DATABASE_URL leads through a pooler in ${mode} mode.`
      : 'CLAVIGER_DATABASE_DIRECT_URL leads through a pooler.'
    if (!pool.keepsStatements)
      return {
        outcome: 'failed',
        found: `${found} It loses prepared statements.`,
        mend: 'Use PgBouncer 1.21 or later with max_prepared_statements above 0, or session mode.',
      }
    if (!direct.keepsSession)
      return {
        outcome: 'failed',
        found: `${found} LISTEN, locks and migrations need a session.`,
        mend: 'Set CLAVIGER_DATABASE_DIRECT_URL to a URL of the same database that leads past the pooler.',
      }
    if (pool.target !== direct.target)
      return {
        outcome: 'failed',
        found: 'DATABASE_URL and CLAVIGER_DATABASE_DIRECT_URL lead to different databases.',
        mend: 'Let both name the same database on the same server.',
      }
    if (pool.isUnlimited)
      return {
        outcome: 'warning',
        found: `${found} It does not pass statement_timeout on, so nothing ends slow statements on the server.`,
        mend: `Run on the server: alter role "${roleOf(config.databaseUrl)}" set statement_timeout = '15s'`,
      }
    return { outcome: 'note', found }
  },
}

const roleOf = (url: string | undefined): string => decodeURIComponent(URL.parse(url ?? '')?.username || 'claviger')

export const connectionsCheck: Check = {
  name: 'connections',
  async look({ connections, config }): Promise<Finding> {
    const { maxConnections, reserved, roleLimit, databaseLimit, serving } = await connections.room()
    const each = config.databasePoolSize + besidesPool
    const processes = Math.max(config.workers, serving)
    const wanted = processes * each
    const limits = [
      { most: maxConnections - reserved, of: `max_connections ${maxConnections}, ${reserved} of them reserved` },
      ...(roleLimit === undefined ? [] : [{ most: roleLimit, of: 'the limit of the role' }]),
      ...(databaseLimit === undefined ? [] : [{ most: databaseLimit, of: 'the limit of the database' }]),
    ]
    const { most, of } = limits.reduce((least, one) => (one.most < least.most ? one : least))
    const plural = processes === 1 ? 'process' : 'processes'
    const found = `${processes} ${plural} with up to ${each} connections each: ${wanted}. Postgres takes ${most} (${of}).`
    if ((await connections.routes()).pool.isPooled)
      return {
        outcome: 'note',
        found,
        mend: `Connections go through a pooler: its max_client_conn must be at least ${wanted}, and its pool_size less than ${most}.`,
      }
    if (wanted <= most) return { outcome: 'ok', found }
    return {
      outcome: 'warning',
      found,
      mend: 'Lower CLAVIGER_DATABASE_POOL_SIZE or CLAVIGER_WORKERS, or raise that limit.',
    }
  },
}
