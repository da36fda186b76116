/** Counts what one step of a flow asks of the database: sequential steps through a counting proxy. */
import { join } from 'node:path'
import type { Contender } from './contenders/contender.ts'
import type { FlowName } from './flows/catalogue.ts'
import { startLoad } from './load-process.ts'
import { databaseUrl } from './postgres.ts'
import type { StatementCount } from './results.ts'
import { reasonOf, type Stage } from './stage.ts'
import { startWireCounter, type WireCounter } from './wire-counter.ts'

const steps = 200
/** Long enough to see what a server asks by itself, which is taken off. */
const idleMilliseconds = 3000

/** One start of the server for all flows. */
export async function countStatements(
  stage: Stage,
  contender: Contender,
  flows: FlowName[],
): Promise<StatementCount[]> {
  const { name } = contender
  const counter = await startWireCounter(stage.postgres.socketFolder, join(stage.folder, `counted-${name}`))
  const results: StatementCount[] = []
  try {
    const running = await contender.start(databaseUrl(counter.socketFolder, name))
    try {
      const idle = await countIdle(counter)
      for (const flow of flows) {
        const setup = { flow, target: running.target, connections: 1, serverPid: running.pid, postgresPid: undefined }
        results.push(await countFlow(counter, { ...setup }, name, idle))
      }
    } finally {
      await running.stop()
    }
  } catch (error) {
    return flows.map((flow) => ({ flow, contender: name, failed: reasonOf(error), statements: 0, roundTrips: 0 }))
  } finally {
    await counter.stop()
  }
  return results
}

interface PerMillisecond {
  statements: number
  roundTrips: number
}

async function countIdle(counter: WireCounter): Promise<PerMillisecond> {
  const before = counter.counts()
  await new Promise((resolve) => setTimeout(resolve, idleMilliseconds))
  const after = counter.counts()
  return {
    statements: (after.statements - before.statements) / idleMilliseconds,
    roundTrips: (after.roundTrips - before.roundTrips) / idleMilliseconds,
  }
}

async function countFlow(
  counter: WireCounter,
  setup: Parameters<typeof startLoad>[0],
  contender: StatementCount['contender'],
  idle: PerMillisecond,
): Promise<StatementCount> {
  const { flow } = setup
  try {
    const load = await startLoad(setup)
    try {
      await load.repeat(20) // fills caches and prepares statements on every pooled connection
      const [before, startedAt] = [counter.counts(), performance.now()]
      await load.repeat(steps)
      const [after, milliseconds] = [counter.counts(), performance.now() - startedAt]
      const perStep = (kind: keyof PerMillisecond) =>
        Math.max(0, after[kind] - before[kind] - idle[kind] * milliseconds) / steps
      return { flow, contender, statements: perStep('statements'), roundTrips: perStep('roundTrips') }
    } finally {
      await load.stop()
    }
  } catch (error) {
    return { flow, contender, failed: reasonOf(error), statements: 0, roundTrips: 0 }
  }
}
