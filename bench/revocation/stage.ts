/** What the measurements stand on: one Postgres, three nodes, an API with credentials, and the desk that commands work at. */
import { join } from 'node:path'
import type { Desk } from '../../src/cli/desk.ts'
import { openDesk } from '../../src/desk/desk.ts'
import { type Database, openDatabase } from '../../src/storage/connection/database.ts'
import { type Nodes, type Registered, register, startNodes } from '../../test/harness/deployment.ts'
import { startPostgres } from '../postgres.ts'

export interface RevocationStage {
  nodes: Nodes
  registered: Registered
  desk: Desk
  db: Database
  stop(): Promise<void>
}

export async function openStage(folder: string, nodeCount: number): Promise<RevocationStage> {
  const postgres = await startPostgres(join(folder, 'postgres'))
  const url = await postgres.createDatabase('claviger')
  const nodes = await startNodes(url, nodeCount)
  const registered = await register(nodes)
  const desk = await openDesk({ ...nodes.env, DATABASE_URL: url, CLAVIGER_DATA_DIR: join(folder, 'data') })
  const db = openDatabase({ url, poolSize: 1 })
  return {
    nodes,
    registered,
    desk,
    db,
    async stop() {
      await desk.close()
      await db.close()
      await nodes.stop()
      await postgres.stop()
    },
  }
}
