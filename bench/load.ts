/** Program: the load generator, a process of its own that obeys the runner over IPC. */
import { flows } from './flows/catalogue.ts'
import type { Step } from './flows/flow.ts'
import { HttpConnection } from './http-connection.ts'
import type { LoadAnswer, LoadOrder, LoadSetup, Measurement } from './load-protocol.ts'
import { cpuMicroseconds } from './proc-stat.ts'

let setup: LoadSetup | undefined
const connections: HttpConnection[] = []
const steps: Step[] = []

/** Visitors are prepared a few at a time: their sign-ins hash passwords. */
async function prepare(given: LoadSetup): Promise<void> {
  setup = given
  const { target, flow } = given
  for (let index = 0; index < given.connections; index++) {
    const http = new HttpConnection(target.issuer)
    const person = target.people[index % target.people.length]
    if (!person) throw new Error('nobody to sign in')
    connections.push(http)
    steps.push(await flows[flow]({ http, target, person }))
  }
}

const sleep = (ms: number) => new Promise((resolve) => setTimeout(resolve, ms))

async function measure(given: LoadSetup, warmupSeconds: number, seconds: number): Promise<Measurement> {
  for (const connection of connections) connection.close()
  const latencies: number[] = []
  let phase: 'warm-up' | 'measure' | 'over' = 'warm-up'
  let failure: unknown
  const visit = async (step: Step) => {
    while (phase !== 'over' && failure === undefined) {
      const before = performance.now()
      await step()
      if (phase === 'measure') latencies.push(performance.now() - before)
    }
  }
  const giveUp = (error: unknown) => {
    failure ??= error
  }
  const visits = steps.map((step) => visit(step).catch(giveUp))
  await sleep(warmupSeconds * 1000)
  const postgresCpu = () => (given.postgresPid === undefined ? 0 : cpuMicroseconds(given.postgresPid))
  const [server, postgres, start] = [cpuMicroseconds(given.serverPid), postgresCpu(), performance.now()]
  phase = 'measure'
  await sleep(seconds * 1000)
  phase = 'over'
  const elapsed = performance.now() - start
  const steadySteps = latencies.length
  const serverCpuMicroseconds = cpuMicroseconds(given.serverPid) - server
  const postgresCpuMicroseconds = given.postgresPid === undefined ? undefined : postgresCpu() - postgres
  await Promise.all(visits)
  if (failure !== undefined) throw failure
  if (steadySteps === 0) throw new Error(`not one step ended within ${seconds} s`)
  latencies.sort((a, b) => a - b)
  const percentile = (part: number) => latencies[Math.floor((latencies.length - 1) * part)] ?? 0
  return {
    steps: steadySteps,
    seconds: elapsed / 1000,
    serverCpuMicroseconds,
    postgresCpuMicroseconds,
    p50Milliseconds: percentile(0.5),
    p95Milliseconds: percentile(0.95),
    p99Milliseconds: percentile(0.99),
  }
}

async function obey(message: LoadOrder): Promise<LoadAnswer> {
  if (message.order === 'prepare') {
    await prepare(message.setup)
    return { done: 'prepare' }
  }
  if (!setup) throw new Error('not prepared')
  if (message.order === 'repeat') {
    for (let time = 0; time < message.times; time++) await steps[0]?.()
    return { done: 'repeat' }
  }
  return { done: 'measure', measurement: await measure(setup, message.warmupSeconds, message.seconds) }
}

process.on('message', (message: LoadOrder) => {
  obey(message)
    .catch((error: unknown): LoadAnswer => ({ failed: error instanceof Error ? error.message : String(error) }))
    .then((answer) => process.send?.(answer))
})
process.on('disconnect', () => process.exit(0))
