/** The connection limits of the server, and the rights of the role. */
import type { Queryable } from './database.ts'

export interface ConnectionRoom {
  maxConnections: number
  /** Connections reserved for superusers and privileged roles. */
  reserved: number
  /** Connection limits of the role and the database; undefined if there is none. */
  roleLimit: number | undefined
  databaseLimit: number | undefined
  /** Serving processes of this database that are connected now, on all machines. */
  serving: number
}

interface Row {
  most: number
  reserved: number
  role_limit: number
  database_limit: number
  serving: number
}

export async function connectionRoom(db: Queryable): Promise<ConnectionRoom> {
  const { rows } = await db.query<Row>(
    `select current_setting('max_connections')::int as most,
            current_setting('superuser_reserved_connections')::int
              + coalesce(current_setting('reserved_connections', true), '0')::int as reserved,
            (select rolconnlimit from pg_roles where rolname = current_user) as role_limit,
            (select datconnlimit from pg_database where datname = current_database()) as database_limit,
            (select count(*)::int from pg_stat_activity
              where datname = current_database() and application_name = 'claviger listens') as serving`,
  )
  const [row] = rows as [Row]
  const limit = (given: number) => (given < 0 ? undefined : given)
  return {
    maxConnections: row.most,
    reserved: row.reserved,
    roleLimit: limit(row.role_limit),
    databaseLimit: limit(row.database_limit),
    serving: row.serving,
  }
}

export interface RoleRights {
  role: string
  /** The schema where new tables are created; null if no schema of the search path exists. */
  schema: string | null
  canCreate: boolean
}

export async function roleRights(db: Queryable): Promise<RoleRights> {
  const { rows } = await db.query<RoleRights>(
    `select current_user as role, current_schema() as schema,
            coalesce(has_schema_privilege(current_schema(), 'create'), false) as "canCreate"`,
  )
  return rows[0] as RoleRights
}
