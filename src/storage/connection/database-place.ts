/** Address, database and role of a connection: the settings that a person may read. */
import { Client } from 'pg'
import type { PostgresConfig } from './postgres-client.ts'

export interface DatabasePlace {
  /** A name or an address; the folder of a Unix socket. */
  host: string
  port: number
  database: string
  role: string
}

/** Reads the settings as `pg` does. Never includes the password. */
export function placeOf(settings: PostgresConfig): DatabasePlace {
  // This client never connects.
  const { host, port, database, user } = new Client({ ...settings, ssl: false, stream: undefined })
  return { host, port, database: database ?? '', role: user ?? '' }
}

export const addressOf = ({ host, port }: DatabasePlace): string => `${host.includes(':') ? `[${host}]` : host}:${port}`

export const textOf = (place: DatabasePlace): string =>
  `Postgres at ${addressOf(place)}, database "${place.database}", role "${place.role}"`
