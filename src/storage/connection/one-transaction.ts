/** Presents one transaction as a `Database`, so that several stores can write in it. */
import type { Database, Queryable } from './database.ts'

/**
 * @param client the connection of an open transaction
 * @returns a database whose transactions are parts of that one: if one of them throws, the whole is rolled back
 */
export function inTransaction(client: Queryable): Database {
  return {
    query: client.query,
    lookUp: (statement) => client.query(statement),
    transaction: (work) => work(client),
    load: { total: 1, idle: 0, waiting: 0 },
    cut: () => {},
    close: async () => {},
  }
}
