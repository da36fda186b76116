/** One transaction in the shape of a whole database, so that several stores change things in it together. */
import type { Database, Queryable } from './database.ts'

/**
 * @param client the connection of a transaction that is under way
 * @returns a database whose transactions are parts of that one: when one of them throws, the whole is rolled back
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
