/** A look into the tests' database, past the program: what is stored, and what it was asked. */
import type { Client } from 'pg'
import { connectDirectly } from '../../src/storage/connection/database.ts'

export interface Rows {
  /** First column of the first row, as a number. */
  count(sql: string, values?: readonly unknown[]): Promise<number>
  query<Row = Record<string, unknown>>(sql: string, values?: readonly unknown[]): Promise<Row[]>
  /** How many rows each table has, in which rows are kept by requests. */
  stored(): Promise<Record<string, number>>
  close(): Promise<void>
}

export async function openRows(url: string): Promise<Rows> {
  const client: Client = await connectDirectly({ url, applicationName: 'the test looks', statementTimeoutMs: 60_000 })
  const query = async <Row>(sql: string, values: readonly unknown[] = []) =>
    (await client.query(sql, [...values])).rows as Row[]
  return {
    query,
    async count(sql, values) {
      const [row] = await query<Record<string, unknown>>(sql, values)
      return Number(Object.values(row ?? {})[0])
    },
    async stored() {
      const tables = ['accounts', 'passwords', 'clients', 'apis', 'signing_keys', 'secrets', 'artifacts']
      const [row] = await query<Record<string, string>>(
        `select ${tables.map((table) => `(select count(*) from ${table}) as ${table}`).join(', ')}`,
      )
      return Object.fromEntries(Object.entries(row ?? {}).map(([table, count]) => [table, Number(count)]))
    },
    close: () => client.end(),
  }
}
