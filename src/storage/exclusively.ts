/** Work that one node at a time does. */
import type { Database } from './database.ts'

/**
 * Does the work unless another node is at it; returns whether it did. The lock
 * lives in a transaction that does nothing else, so it works through a pooler,
 * holds no row back from vacuum, and goes with a node that dies.
 */
export function exclusively(db: Database, name: string, work: () => Promise<void>): Promise<boolean> {
  return db.transaction(async (client) => {
    const { rows } = await client.query<{ mine: boolean }>({
      name: 'try-exclusively',
      text: `select pg_try_advisory_xact_lock(hashtextextended('claviger:' || $1, 0)) as mine`,
      values: [name],
    })
    if (!rows[0]?.mine) return false
    await work()
    return true
  })
}
