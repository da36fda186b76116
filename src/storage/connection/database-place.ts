/** Where a database is and as which role we come: all that a person may read of a connection's settings. */
import { Client } from 'pg'
import type { PostgresConfig } from './postgres-client.ts'

export interface DatabasePlace {
  /** A name or an address; the folder of a Unix socket. */
  host: string
  port: number
  database: string
  role: string
}

/** As `pg` understands the settings. Never the password. */
export function placeOf(settings: PostgresConfig): DatabasePlace {
  // Only made, never connected.
  const { host, port, database, user } = new Client({ ...settings, ssl: false, stream: undefined })
  return { host, port, database: database ?? '', role: user ?? '' }
}

export const addressOf = ({ host, port }: DatabasePlace): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

export const textOf = (place: DatabasePlace): string =>
  `Postgres at ${addressOf(place)}, database "${place.database}", role "${place.role}"`
