/** Measures one flow at all its contenders, alternating round by round. */
import type { Contender, ContenderName, Running } from './contenders/contender.ts'
import type { FlowName } from './flows/catalogue.ts'
import { matches } from './goals.ts'
import { type LoadProcess, startLoad } from './load-process.ts'
import type { Measurement } from './load-protocol.ts'
import type { BenchOptions } from './options.ts'
import { residentMegabytes } from './proc-stat.ts'
import { type Cell, median } from './results.ts'
import { reasonOf, type Stage } from './stage.ts'

/** One contender in one flow; `failed` takes it out of the rounds that remain. */
interface Entry {
  name: ContenderName
  running?: Running
  load?: LoadProcess
  rounds: Measurement[]
  residentMegabytes: number
  failed?: string
}

/** Fresh processes for each flow, so that no flow inherits another's heap. */
export async function measureFlow(stage: Stage, flow: FlowName, options: BenchOptions): Promise<Cell[]> {
  const entries: Entry[] = []
  try {
    for (const name of matches[flow].contenders) {
      const contender = stage.contenders.get(name)
      const reason = stage.missing.get(name)
      if (contender) entries.push(await enter(stage, contender, flow, options))
      else if (reason !== undefined) entries.push({ name, rounds: [], residentMegabytes: 0, failed: reason })
    }
    for (let round = 0; round < options.rounds; round++) {
      for (const entry of entries)
        await playRound(entry, round === 0 ? options.warmupSeconds * 2 : options.warmupSeconds, options)
    }
  } finally {
    for (const entry of entries) {
      await entry.load?.stop()
      await entry.running?.stop()
    }
  }
  return entries.map((entry) => judge(entry, entries, flow))
}

async function enter(stage: Stage, contender: Contender, flow: FlowName, options: BenchOptions): Promise<Entry> {
  const entry: Entry = { name: contender.name, rounds: [], residentMegabytes: 0 }
  try {
    entry.running = await contender.start()
    entry.load = await startLoad({
      flow,
      target: entry.running.target,
      connections: options.connections,
      serverPid: entry.running.pid,
      postgresPid: contender.databaseUrl ? stage.postgres.pid : undefined,
    })
  } catch (error) {
    entry.failed = reasonOf(error)
  }
  return entry
}

async function playRound(entry: Entry, warmupSeconds: number, options: BenchOptions): Promise<void> {
  if (entry.failed !== undefined || !entry.load || !entry.running) return
  try {
    entry.rounds.push(await entry.load.measure(warmupSeconds, options.seconds))
    entry.residentMegabytes = residentMegabytes(entry.running.pid)
  } catch (error) {
    entry.failed = reasonOf(error)
  }
}

const rateOf = (round: Measurement) => round.steps / round.seconds
const cpuOf = (round: Measurement) => (round.serverCpuMicroseconds + (round.postgresCpuMicroseconds ?? 0)) / round.steps

function judge(entry: Entry, entries: Entry[], flow: FlowName): Cell {
  const { yardstick, goal } = matches[flow]
  const { rounds, name } = entry
  const ruler = entries.find((other) => other.name === yardstick && other.failed === undefined)
  const over = (read: (round: Measurement) => number) => median(rounds.map(read))
  const ratio = (compare: (own: Measurement, ruler: Measurement) => number) => {
    const pairs = rounds.flatMap((own, index) => {
      const other = ruler?.rounds[index]
      return other ? [compare(own, other)] : []
    })
    return name === yardstick || pairs.length === 0 ? undefined : median(pairs)
  }
  const hasPostgres = rounds.some((round) => round.postgresCpuMicroseconds !== undefined)
  return {
    flow,
    contender: name,
    ...(entry.failed === undefined ? {} : { failed: entry.failed }),
    perSecond: over(rateOf),
    serverBusy: over((round) => round.serverCpuMicroseconds / 1e6 / round.seconds),
    serverCpuMicroseconds: over((round) => round.serverCpuMicroseconds / round.steps),
    postgresCpuMicroseconds: hasPostgres
      ? over((round) => (round.postgresCpuMicroseconds ?? 0) / round.steps)
      : undefined,
    p50Milliseconds: over((round) => round.p50Milliseconds),
    p99Milliseconds: over((round) => round.p99Milliseconds),
    residentMegabytes: entry.residentMegabytes,
    rateRatio: ratio((own, other) => rateOf(own) / rateOf(other)),
    cpuRatio: ratio((own, other) => cpuOf(other) / cpuOf(own)),
    goal: name === 'claviger' ? goal : undefined,
  }
}
