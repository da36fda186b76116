/**
 * Program: many people sign in at the same time, each again and again in a new browser, for as long as one likes. Told
 * are how long the key set takes meanwhile, how late the server's event loop is, and what it takes of memory.
 */
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endAll, killAll } from './children.ts'
import { createClavigerContender } from './contenders/claviger.ts'
import { findFreePort } from './contenders/contender.ts'
import { HttpConnection } from './http-connection.ts'
import { startLoad } from './load-process.ts'
import { startPostgres } from './postgres.ts'
import { residentMegabytes } from './proc-stat.ts'
import { newStageFolder, removeStageFolder } from './stage.ts'
import type { Target } from './target.ts'

interface Wishes {
  people: number
  /** Length of a line of the report. */
  seconds: number
  lines: number
}

/** Often enough for percentiles, seldom enough to be no load of its own. */
const pauseMs = 10

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))
const percentile = (sorted: readonly number[], part: number) => sorted[Math.floor((sorted.length - 1) * part)] ?? 0

/** How many milliseconds each look at the key set took, in order, while the work went on. */
async function jwksDuring({ issuer, endpoints }: Target, work: Promise<unknown>): Promise<number[]> {
  const http = new HttpConnection(issuer)
  const times: number[] = []
  let isOver = false
  const over = work.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const before = performance.now()
    const { status } = await http.get(endpoints.jwks)
    if (status !== 200) throw new Error(`the key set was answered with ${status}`)
    times.push(performance.now() - before)
    await sleep(pauseMs)
  }
  http.close()
  await over
  return times.sort((a, b) => a - b)
}

/** The 99th percentile since it was last asked for, in milliseconds: the server's own histogram starts anew each time. */
async function eventLoopDelayMs(managementPort: number): Promise<number> {
  const metrics = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text()
  const seconds = /^nodejs_eventloop_lag_p99_seconds (\S+)$/m.exec(metrics)?.[1]
  if (seconds === undefined) throw new Error('the server tells no delay of its event loop')
  return Number(seconds) * 1000
}

const columns = (...cells: (string | number)[]) => `${cells.map((cell) => String(cell).padStart(12)).join('')}\n`

async function measure(folder: string, { people, seconds, lines }: Wishes): Promise<void> {
  const postgres = await startPostgres(join(folder, 'postgres'))
  const managementPort = await findFreePort()
  const contender = await createClavigerContender({
    folder,
    databaseUrl: await postgres.createDatabase('claviger'),
    settings: { CLAVIGER_MANAGEMENT_PORT: String(managementPort) },
  })
  const { target, pid } = await contender.start()
  const load = await startLoad({
    flow: 'password',
    target,
    connections: people,
    serverPid: pid,
    postgresPid: postgres.pid,
  })
  await load.measure(1, 5) // warms the compiler up
  await eventLoopDelayMs(managementPort)
  process.stdout.write(columns('sign-ins /s', 'p95 s', 'jwks p50 ms', 'p95 ms', 'p99 ms', 'loop p99 ms', 'resident MB'))
  for (let line = 0; line < lines; line += 1) {
    const signIns = load.measure(0, seconds)
    const jwks = await jwksDuring(target, signIns)
    const { steps, seconds: took, p95Milliseconds } = await signIns
    const cells = [
      (steps / took).toFixed(1),
      (p95Milliseconds / 1000).toFixed(2),
      percentile(jwks, 0.5).toFixed(1),
      percentile(jwks, 0.95).toFixed(1),
      percentile(jwks, 0.99).toFixed(1),
      (await eventLoopDelayMs(managementPort)).toFixed(1),
      Math.round(residentMegabytes(pid)),
    ]
    process.stdout.write(columns(...cells))
  }
  await load.stop()
}

const { values } = parseArgs({
  options: {
    people: { type: 'string', default: '50' },
    seconds: { type: 'string', default: '10' },
    lines: { type: 'string', default: '6' },
    help: { type: 'boolean' },
  },
})
if (values.help) process.stdout.write('node bench/burst.ts [--people 50] [--seconds 10] [--lines 6]\n')
else {
  const folder = newStageFolder()
  process.once('exit', killAll)
  for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))
  try {
    await measure(folder, {
      people: Number(values.people),
      seconds: Number(values.seconds),
      lines: Number(values.lines),
    })
  } finally {
    await endAll()
    removeStageFolder(folder)
  }
}
