/** Started by a test: leases as many blocks as it is told, all at once, from a process of its own. */
import { openDatabase } from '../../src/storage/connection/database.ts'
import { PostgresTokenLedger } from '../../src/storage/revocation/token-ledger.ts'

const db = openDatabase({ url: process.argv[2] })
const ledger = new PostgresTokenLedger(db)
await db.query('select 1')
process.send?.([])

process.on('message', async (message) => {
  const { leases, size } = message as { leases: number; size: number }
  process.send?.(await Promise.all(Array.from({ length: leases }, () => ledger.lease(size))))
})
process.on('disconnect', () => void db.close())
