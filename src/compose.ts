/** The roof: what `main.ts` hands to the command line. */
import cluster from 'node:cluster'
import type { Serve, Serving } from './cli/desk.ts'
import { bringUpToDate, type Deployment, openDeployment } from './deployment.ts'
import { createLog } from './events/log.ts'
import { startNode } from './node.ts'
import { PostgresAccountStore } from './storage/postgres-account-store.ts'
import { PostgresClientStore } from './storage/postgres-client-store.ts'
import { refuseUnwritable, serverPlaceOf } from './storage/server-place.ts'
import { untilSignalled } from './until-signalled.ts'
import { superviseWorkers } from './workers.ts'

export { openDesk } from './desk.ts'

export const serve: Serve = async (env, options) => {
  const settings = { ...env }
  if (options.port !== undefined) settings.CLAVIGER_PORT = String(options.port)
  if (options.workers !== undefined) settings.CLAVIGER_WORKERS = String(options.workers)
  let report: (error: unknown) => void = () => {}
  // Only one process may serve from a data folder; its workers join it.
  const role = cluster.isPrimary ? 'serve' : 'command'
  const deployment = await openDeployment(settings, { role, onTrouble: (error) => report(error) })
  const { config } = deployment
  const log = createLog({ level: config.logLevel, production: config.production })
  report = (error) => log.warn({ error }, 'A connection to the database was lost')
  try {
    refuseUnwritable(await serverPlaceOf(deployment.db), deployment.database.where)
    const ahead = cluster.isPrimary ? await bringUpToDate(deployment) : []
    if (ahead.length > 0) log.warn({ ahead }, 'The schema is that of a newer release; this one can live with it')
    const node =
      cluster.isPrimary && config.workers > 1
        ? await superviseWorkers(deployment, log)
        : await startNode(deployment, log)
    const stopped = untilSignalled().then(async () => {
      await node.stop()
      await deployment.close()
      await log.close()
    })
    return { welcome: await welcomeOf(deployment), stopped }
  } catch (error) {
    await deployment.close()
    await log.close()
    throw error
  }
}

async function welcomeOf({ config, db, database }: Deployment): Promise<Serving['welcome']> {
  const development = !config.production && cluster.isPrimary
  return {
    issuer: config.issuer,
    development,
    hasAdmin: development && (await new PostgresAccountStore(db).hasAdmin()),
    clients: development ? (await new PostgresClientStore(db).list()).length : 0,
    database: database.where,
  }
}
