/** Several processes on one node: the first prepares the database and the keys, the others serve. */
import cluster, { type Worker } from 'node:cluster'
import type { Deployment } from './deployment.ts'
import type { Log } from './events/log.ts'
import type { Node } from './node.ts'

/** A worker that dies is replaced, but not faster than this. */
const respawnMs = 1_000

export async function superviseWorkers({ config, database }: Deployment, log: Log): Promise<Node> {
  let isStopping = false
  // The address of the embedded database and the decided options, as the primary found them.
  const env = { DATABASE_URL: database.url, CLAVIGER_WORKERS: '1', CLAVIGER_PORT: String(config.port) }
  const fork = () => cluster.fork(env)
  const first = fork()
  await serving(first) // It makes what a first start has to make; the others find it.
  const others = Array.from({ length: config.workers - 1 }, fork)
  await Promise.all(others.map(serving))
  cluster.on('exit', (worker, code, signal) => {
    if (isStopping) return
    log.error({ pid: worker.process.pid, code, signal }, 'A worker ended and is replaced')
    setTimeout(() => isStopping || fork(), respawnMs)
  })
  return {
    async stop() {
      isStopping = true
      const workers = Object.values(cluster.workers ?? {}).filter((worker) => worker !== undefined)
      await Promise.all(workers.map(ended))
    },
  }
}

function serving(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('listening', () => resolve())
    worker.once('exit', (code) => reject(new Error(`a worker ended with ${code} before it served`)))
  })
}

function ended(worker: Worker): Promise<void> {
  return new Promise((resolve) => {
    worker.once('exit', () => resolve())
    worker.process.kill('SIGTERM')
  })
}
