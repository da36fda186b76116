/** Started by a test: spends what it is told of twenty-five times at once, from a process of its own. */
import type { ModelName } from '../../src/oidc/model-store.ts'
import { openDatabase } from '../../src/storage/connection/database.ts'
import { PostgresModelStore } from '../../src/storage/protocol/model-store.ts'

const db = openDatabase({ url: process.argv[2] })
const store = new PostgresModelStore(db)
await db.query('select 1')
process.send?.([])

process.on('message', async (message) => {
  const { model, id } = message as { model: ModelName; id: string }
  const spend = () =>
    store.commit({
      upserts: [],
      consumes: [{ model, id, graceSeconds: 0 }],
      destroys: [],
      revokedGrants: [],
    })
  process.send?.(await Promise.all(Array.from({ length: 25 }, spend)))
})
process.on('disconnect', () => void db.close())
