/** Several processes on one node: the first prepares the database and the keys, the others serve. */
import cluster, { type Worker } from 'node:cluster'
import type { Deployment } from '../deployment/deployment.ts'
import { Failure } from '../errors/failure.ts'
import type { Log } from '../events/log.ts'
import { type Node, stopMs } from './node.ts'

/** A worker that dies is replaced, but not faster than this. */
const respawnMs = 1_000

/** @throws Failure `worker_failed` when one of them ends before it serves; no worker is left then */
export async function superviseWorkers({ config, database }: Deployment, log: Log): Promise<Node> {
  let isStopping = false
  const env = {
    CLAVIGER_WORKERS: '1',
    CLAVIGER_PORT: String(config.port),
    // Workers find a database of their own only where it is set: the embedded one they are told.
    ...(database.isEmbedded ? { DATABASE_URL: database.url, DATABASE_URL_FILE: '' } : {}),
  }
  const fork = () => cluster.fork(env)
  const endAll = () =>
    Promise.all(Object.values(cluster.workers ?? {}).map((worker) => worker && ended(worker, stopMs(config) + 1_000)))
  try {
    await serving(fork()) // It makes what a first start has to make; the others find it.
    await Promise.all(Array.from({ length: config.workers - 1 }, () => serving(fork())))
  } catch (error) {
    await endAll()
    throw error
  }
  cluster.on('exit', (worker, code, signal) => {
    if (isStopping) return
    log.error({ pid: worker.process.pid, code, signal }, 'A worker ended and is replaced')
    setTimeout(() => isStopping || fork(), respawnMs)
  })
  return {
    async stop() {
      isStopping = true
      await endAll()
    },
  }
}

function serving(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    worker.once('listening', () => resolve())
    worker.once('exit', (code, signal) => reject(failed(worker, signal ?? code)))
  })
}

const failed = ({ process: { pid } }: Worker, how: string | number) =>
  new Failure('worker_failed', 'unavailable', `Worker process ${pid} ended (${how}) before it served.`, {
    detail: { hints: ['The worker has said why in the lines above.'] },
  })

function ended(worker: Worker, patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) return resolve()
    worker.once('exit', () => resolve())
    worker.process.kill('SIGTERM')
    // It has a last moment of its own; a worker that hangs altogether does not reach it.
    setTimeout(() => worker.process.kill('SIGKILL'), patienceMs).unref()
  })
}
