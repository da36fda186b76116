/** Program: how soon a revocation is known everywhere, and what the feed costs a node. `--help` lists the options. */
import { availableParallelism, cpus, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { Revocables } from '../../test/harness/revocable.ts'
import { endAll, killAll } from '../children.ts'
import { newStageFolder, removeStageFolder } from '../stage.ts'
import { type LatencyRun, measureLatency } from './latency.ts'
import { latencyLines, percentile, streamLines } from './report.ts'
import { openStage } from './stage.ts'
import { measureStreams, type StreamCost } from './streams.ts'

const usage = `npm run bench:revocation -- [options]

  --verifiers a,b  sizes of the fleet (100,500,1000)
  --streams a,b    streams whose cost to one node is measured (1000,5000)
  --each n         revocations of each way, a fleet (10)
  --gap ms         between two revocations on average (200)
  --processes n    processes of verifiers (4)
  --nodes n        nodes of the deployment (3)
  --json           one JSON document on stdout

Example: npm run bench:revocation -- --verifiers 500 --streams 1000 --each 20
`
const goalMs = 300

async function measure(options: Record<string, string | boolean | undefined>): Promise<boolean> {
  const list = (name: string, fallback: string) =>
    String(options[name] ?? fallback)
      .split(',')
      .map(Number)
      .filter(Boolean)
  const [each = 10, meanGapMs = 200, processes = 4, nodes = 3] = ['each', 'gap', 'processes', 'nodes'].map((name) =>
    options[name] === undefined ? undefined : Number(options[name]),
  )
  const folder = newStageFolder()
  const loadBefore = loadavg()[0] ?? 0
  const say = (line: string) => options['json'] || process.stdout.write(`${line}\n`)
  say(
    `${cpus()[0]?.model}, ${availableParallelism()} cores, Node ${process.version}, load average ${loadBefore.toFixed(1)} before this run`,
  )
  const stage = await openStage(folder, nodes)
  const runs: LatencyRun[] = []
  const costs: StreamCost[] = []
  try {
    const revocables = new Revocables(stage.nodes, stage.registered, stage.desk)
    const sizes = list('verifiers', '100,500,1000')
    for (const verifiers of sizes) {
      const last = verifiers === sizes.at(-1) ? 'key' : 'issuer'
      const run = await measureLatency(stage, revocables, { verifiers, processes, each, meanGapMs, last })
      runs.push(run)
      for (const line of latencyLines(run, goalMs)) say(line)
    }
    for (const count of list('streams', '1000,5000')) {
      const cost = await measureStreams(stage, count)
      costs.push(cost)
      for (const line of streamLines(cost)) say(line)
    }
  } finally {
    await stage.stop()
    await endAll()
    removeStageFolder(folder)
  }
  const loadAfter = loadavg()[0] ?? 0
  say(`load average ${loadAfter.toFixed(1)} at the end: this run included, and whatever else the machine did`)
  if (options['json']) process.stdout.write(`${JSON.stringify({ loadBefore, loadAfter, runs, costs }, null, 2)}\n`)
  return runs.every(
    ({ samples }) =>
      percentile(
        samples.map(({ lastMs }) => lastMs),
        0.99,
      ) <= goalMs,
  )
}

const text = { type: 'string' } as const
const { values } = parseArgs({
  options: {
    verifiers: text,
    streams: text,
    each: text,
    gap: text,
    processes: text,
    nodes: text,
    json: { type: 'boolean' },
    help: { type: 'boolean' },
  },
})
if (values.help) process.stdout.write(usage)
else {
  process.once('exit', killAll)
  process.exitCode = (await measure(values)) ? 0 : 1
}
