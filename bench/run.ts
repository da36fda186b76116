/** Program: the benchmark, from an empty folder to the table. `--help` says what can be chosen. */
import { availableParallelism, loadavg } from 'node:os'
import { measureFlow } from './cells.ts'
import { endAll, killAll } from './children.ts'
import { type FlowName, flowNames, flowTitles } from './flows/catalogue.ts'
import { matches } from './goals.ts'
import { type BenchOptions, readOptions, usage } from './options.ts'
import { printReport } from './report.ts'
import type { Results, StatementCount } from './results.ts'
import { newStageFolder, prepareStage, reasonOf, removeStageFolder, type Stage } from './stage.ts'
import { measureAllStarts } from './starts.ts'
import { countStatements } from './statements.ts'

const say = (text: string) => process.stderr.write(`${text}\n`)

type Machine = Pick<Results, 'node' | 'cores' | 'loadBefore'>

async function measureAll(stage: Stage, machine: Machine, options: BenchOptions): Promise<Results> {
  const results: Results = { ...machine, cells: [], statements: [], starts: [] }
  const wanted = flowNames.filter((flow) => options.only.includes(flow))
  for (const flow of wanted) {
    say(`${flowTitles[flow]} …`)
    results.cells.push(...(await measureFlow(stage, flow, options)))
  }
  if (options.only.includes('statements')) {
    say('statements …')
    results.statements = await countAll(stage, wanted.length ? wanted : flowNames)
  }
  if (options.only.includes('start')) {
    say('cold starts …')
    results.starts = await measureAllStarts(stage, options.starts)
  }
  return results
}

async function countAll(stage: Stage, flows: FlowName[]): Promise<StatementCount[]> {
  const counts: StatementCount[] = []
  for (const name of ['plain', 'claviger'] as const) {
    const contender = stage.contenders.get(name)
    const asked = flows.filter((flow) => matches[flow].contenders.includes(name))
    if (contender) counts.push(...(await countStatements(stage, contender, asked)))
  }
  return counts.sort((a, b) => flowNames.indexOf(a.flow) - flowNames.indexOf(b.flow))
}

const isWhole = ({ cells, statements, starts }: Results) =>
  [...cells, ...statements, ...starts].every((row) => row.failed === undefined)

async function main(options: BenchOptions): Promise<number> {
  const machine = { node: process.version, cores: availableParallelism(), loadBefore: loadavg()[0] ?? 0 }
  const folder = newStageFolder()
  let isInterrupted = false
  const interrupted = () => {
    isInterrupted = true
    say('interrupted: stopping what was started')
    void endAll().finally(() => {
      removeStageFolder(folder)
      process.exit(130)
    })
  }
  process.once('SIGINT', interrupted).once('SIGTERM', interrupted)
  process.once('exit', killAll)
  try {
    say('preparing Postgres and the contenders …')
    const stage = await prepareStage(folder, options.without)
    for (const [name, reason] of stage.missing) say(`${name} is not there: ${reason}`)
    const results = await measureAll(stage, machine, options)
    if (isInterrupted) return 130
    process.stdout.write(options.json ? `${JSON.stringify(results, undefined, 2)}\n` : printReport(results))
    return isWhole(results) ? 0 : 1
  } finally {
    await endAll()
    removeStageFolder(folder)
  }
}

try {
  const options = readOptions(process.argv.slice(2))
  if (options) process.exitCode = await main(options)
  else process.stdout.write(usage)
} catch (error) {
  say(reasonOf(error))
  process.exitCode = 2
}
