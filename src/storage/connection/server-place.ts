/** Identifies the Postgres server of a connection, and whether that server accepts writes. Every role may read this. */
import { Failure } from '../../errors/failure.ts'
import type { Queryable, Statement } from './database.ts'

export interface ServerPlace {
  /**
   * Start of the postmaster in microseconds, and the database. A connection cannot outlive the postmaster that accepted
   * it, so two connections with one value lead to one server. Unlike the system identifier, the value also distinguishes
   * a copy of a server from its original.
   */
  server: string
  isStandby: boolean
  isReadOnly: boolean
}

const columns = `extract(epoch from pg_postmaster_start_time()) || '/' ||
         (select oid from pg_database where datname = current_database()) as server,
       pg_is_in_recovery() as "isStandby",
       current_setting('transaction_read_only')::bool as "isReadOnly"`

/** @throws as `query` does */
export async function serverPlaceOf(db: Pick<Queryable, 'query'>): Promise<ServerPlace> {
  const { rows } = await db.query<ServerPlace>({ text: `select ${columns}` })
  const [place] = rows
  if (!place) throw new Error('query returned no row')
  return place
}

/** Reads a connection's server, and the last beat of this node that the connection sees. */
export const provingStatement = (node: string): Statement => ({
  text: `select ${columns}, (select beat from running_nodes where id = $1)::float8 as beat`,
  values: [node],
})

/** @throws Failure `database_standby`, `database_read_only` */
export function refuseUnwritable({ isStandby, isReadOnly }: Omit<ServerPlace, 'server'>, where: string): void {
  if (isStandby) {
    throw new Failure(
      'database_standby',
      'unavailable',
      `The server at ${where} is a standby (pg_is_in_recovery() is true). Claviger needs the primary: point DATABASE_URL at the primary, or promote this server.`,
      { retryAfterSeconds: 2 },
    )
  }
  if (isReadOnly) {
    throw new Failure(
      'database_read_only',
      'unavailable',
      `The server at ${where} accepts reads only (transaction_read_only is on). Point DATABASE_URL at the primary, or reset default_transaction_read_only for this server, database and role.`,
      { retryAfterSeconds: 2 },
    )
  }
}
