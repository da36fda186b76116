/** `claviger start`: opens the deployment and serves until a signal. `main.ts` passes it to the command line. */
import cluster from 'node:cluster'
import type { Serve, Serving } from '../cli/desk.ts'
import { bringUpToDate, type Deployment, openDeployment, refusePooler } from '../deployment/deployment.ts'
import { endWithin } from '../deployment/last-moment.ts'
import { untilSignalled } from '../deployment/until-signalled.ts'
import { createLog } from '../events/log.ts'
import { PostgresClientStore } from '../storage/apps/client-store.ts'
import { refuseUnwritable, serverPlaceOf } from '../storage/connection/server-place.ts'
import { PostgresAccountStore } from '../storage/people/account-store.ts'
import { type Node, shutdownMs, startNode, stopMs } from './node.ts'
import { superviseWorkers } from './workers.ts'

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
  report = (error) => log.warn({ error }, 'A database connection was lost; reconnecting')
  let node: Node | undefined
  try {
    if (cluster.isPrimary) await refusePooler(deployment)
    refuseUnwritable(await serverPlaceOf(deployment.db), deployment.database.where)
    const ahead = cluster.isPrimary ? await bringUpToDate(deployment) : []
    if (ahead.length > 0) log.warn({ ahead }, 'The schema is that of a newer release; this release can run on it')
    const isSupervisor = cluster.isPrimary && config.workers > 1
    // A signal during the start is handled after the start: it stops everything that was started.
    const signalled = untilSignalled().then(() =>
      endWithin(stopMs(config) + (isSupervisor ? supervisorMs : 0), 'stopping', log),
    )
    node = isSupervisor ? await superviseWorkers(deployment, log) : await startNode(deployment, log)
    const serving = node
    const welcome = await welcomeOf(deployment)
    const stopped = signalled.then(async () => {
      await serving.stop()
      await deployment.close()
      await log.close()
      // The open channel to the supervisor would keep the worker process alive.
      cluster.worker?.disconnect()
    })
    return { welcome, stopped }
  } catch (error) {
    endWithin(shutdownMs, 'stopping after a failed start', log, error)
    await node?.stop()
    await deployment.close()
    await log.close()
    cluster.worker?.disconnect()
    throw error
  }
}

/** How much longer a supervisor waits than its workers may take to stop. */
const supervisorMs = 2_000

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
