/** Several worker processes on one node, started and replaced by a supervisor. */
import cluster, { type Worker } from 'node:cluster'
import type { Deployment } from '../deployment/deployment.ts'
import { Failure } from '../errors/failure.ts'
import type { Log } from '../events/log.ts'
import { type Node, stopMs } from './node.ts'

/** Delay before a dead worker is replaced. */
const respawnMs = 1_000

/** @throws Failure `worker_failed` if a worker ends before it serves; then all other workers have ended too */
export async function superviseWorkers({ config, database }: Deployment, log: Log): Promise<Node> {
  let isStopping = false
  const env = {
    CLAVIGER_WORKERS: '1',
    CLAVIGER_PORT: String(config.port),
    // Workers read an external database from their environment; the embedded one is passed here.
    ...(database.isEmbedded ? { DATABASE_URL: database.url, DATABASE_URL_FILE: '' } : {}),
  }
  const fork = () => cluster.fork(env)
  const endAll = () =>
    Promise.all(Object.values(cluster.workers ?? {}).map((worker) => worker && ended(worker, stopMs(config) + 1_000)))
  try {
    await serving(fork()) // The first worker creates the keys and secrets; the others find them.
    await Promise.all(Array.from({ length: config.workers - 1 }, () => serving(fork())))
  } catch (error) {
    await endAll()
    throw error
  }
  cluster.on('exit', (worker, code, signal) => {
    if (isStopping) return
    log.error({ pid: worker.process.pid, code, signal }, 'A worker process ended; a new one starts in 1 s')
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
    detail: { hints: ['The log lines above give the reason.'] },
  })

function ended(worker: Worker, patienceMs: number): Promise<void> {
  return new Promise((resolve) => {
    if (worker.isDead()) return resolve()
    worker.once('exit', () => resolve())
    worker.process.kill('SIGTERM')
    // A worker limits its own stop; this kill is for a worker that hangs completely.
    setTimeout(() => worker.process.kill('SIGKILL'), patienceMs).unref()
  })
}
