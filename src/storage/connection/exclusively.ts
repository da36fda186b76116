/** Runs work on one node at a time. */
import { escapeLiteral } from 'pg'
import type { Database } from './database.ts'

/**
 * Runs the work unless another node is running it; returns whether it ran. The
 * lock belongs to a transaction that does nothing else. So the lock works through
 * a pooler, does not delay vacuum, and is released when the node dies.
 */
export function exclusively(db: Database, name: string, work: () => Promise<void>): Promise<boolean> {
  return db.transaction(async (client) => {
    // The statement has no parameters: they would keep a portal and its snapshot open until the transaction ends.
    const { rows } = await client.query<{ mine: boolean }>(
      `select pg_try_advisory_xact_lock(hashtextextended(${escapeLiteral(`claviger:${name}`)}, 0)) as mine`,
    )
    if (!rows[0]?.mine) return false
    await work()
    return true
  })
}
