/** Work that one node at a time does. */
import { escapeLiteral } from 'pg'
import type { Database } from './database.ts'

/**
 * Does the work unless another node is at it; returns whether it did. The lock
 * lives in a transaction that does nothing else, so it works through a pooler,
 * holds no row back from vacuum, and goes with a node that dies.
 */
export function exclusively(db: Database, name: string, work: () => Promise<void>): Promise<boolean> {
  return db.transaction(async (client) => {
    // No parameters: a statement with them leaves a portal open, and with it a snapshot, until the transaction ends.
    const { rows } = await client.query<{ mine: boolean }>(
      `select pg_try_advisory_xact_lock(hashtextextended(${escapeLiteral(`claviger:${name}`)}, 0)) as mine`,
    )
    if (!rows[0]?.mine) return false
    await work()
    return true
  })
}
