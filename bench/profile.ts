/** Program: runs one flow at Claviger (or a yardstick) under the CPU profiler and says where the time goes. */
import { copyFileSync, existsSync, readFileSync } from 'node:fs'
import type { Profiler } from 'node:inspector'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { endAll, killAll } from './children.ts'
import { createClavigerContender } from './contenders/claviger.ts'
import type { Contender } from './contenders/contender.ts'
import { createCoreContender } from './contenders/core.ts'
import { type FlowName, flowNames } from './flows/catalogue.ts'
import { startLoad } from './load-process.ts'
import { type BenchPostgres, startPostgres } from './postgres.ts'
import { type ProfileSummary, type Share, summarize } from './profile-summary.ts'
import { newStageFolder, reasonOf, removeStageFolder } from './stage.ts'

const usage = `node bench/profile.ts --flow ${flowNames.join('|')} [options]

  --contender memory|plain|claviger   whose process is profiled (claviger)
  --seconds n      time under the profiler (8)
  --top n          lines in each list (25)
  --keep file      keep the .cpuprofile, for a viewer

Example: node bench/profile.ts --flow refresh
`

interface ProfileOptions {
  flow: FlowName
  contender: string
  seconds: number
  top: number
  keep: string | undefined
}

function readOptions(): ProfileOptions | undefined {
  const { values } = parseArgs({
    options: {
      flow: { type: 'string' },
      contender: { type: 'string', default: 'claviger' },
      seconds: { type: 'string', default: '8' },
      top: { type: 'string', default: '25' },
      keep: { type: 'string' },
      help: { type: 'boolean', default: false },
    },
  })
  const flow = flowNames.find((name) => name === values.flow)
  if (values.help || !flow) return undefined
  return {
    flow,
    contender: values.contender,
    seconds: Number(values.seconds),
    top: Number(values.top),
    keep: values.keep,
  }
}

async function createProfiled(
  name: string,
  folder: string,
  postgres: BenchPostgres,
  nodeArgs: string[],
): Promise<Contender> {
  if (name === 'memory') return createCoreContender(folder, undefined, nodeArgs)
  const databaseUrl = await postgres.createDatabase(name)
  if (name === 'plain') return createCoreContender(folder, databaseUrl, nodeArgs)
  return createClavigerContender({ folder, databaseUrl, nodeArgs })
}

async function waitForFile(file: string): Promise<void> {
  for (let attempt = 0; !existsSync(file); attempt++) {
    if (attempt === 600) throw new Error('the profiled process wrote no profile within 60 s')
    await new Promise((resolve) => setTimeout(resolve, 100))
  }
}

async function profile(folder: string, options: ProfileOptions): Promise<{ summary: ProfileSummary; steps: number }> {
  const file = join(folder, 'profile.cpuprofile')
  const hook = new URL(`./profile-hook.ts?to=${encodeURIComponent(file)}`, import.meta.url).href
  const postgres = await startPostgres(join(folder, 'postgres'))
  const contender = await createProfiled(options.contender, folder, postgres, ['--import', hook])
  const running = await contender.start()
  const setup = {
    flow: options.flow,
    target: running.target,
    connections: 32,
    serverPid: running.pid,
    postgresPid: undefined,
  }
  const load = await startLoad(setup)
  await load.measure(1, 3) // warms the compiler up
  process.kill(running.pid, 'SIGUSR2')
  const { steps } = await load.measure(0, options.seconds)
  process.kill(running.pid, 'SIGUSR2')
  await waitForFile(file)
  if (options.keep) copyFileSync(file, options.keep)
  return { summary: summarize(JSON.parse(readFileSync(file, 'utf8')) as Profiler.Profile), steps }
}

function list(
  title: string,
  shares: Share[],
  { summary, steps }: Awaited<ReturnType<typeof profile>>,
  top: number,
): string {
  const lines = shares.slice(0, top).map(({ name, microseconds }) => {
    const percent = ((microseconds / summary.busyMicroseconds) * 100).toFixed(1)
    return `${percent.padStart(6)} %  ${(microseconds / steps).toFixed(1).padStart(8)} us  ${name}`
  })
  return `${title}\n${lines.join('\n')}\n`
}

async function main(options: ProfileOptions): Promise<void> {
  const folder = newStageFolder()
  process.once('exit', killAll)
  process.once('SIGINT', () => {
    void endAll().finally(() => {
      removeStageFolder(folder)
      process.exit(130)
    })
  })
  try {
    const result = await profile(folder, options)
    const { summary, steps } = result
    const busy = (summary.busyMicroseconds / steps).toFixed(1)
    const head = `${options.contender}, ${options.flow}: ${steps} steps, ${busy} us of the main thread each (profiler included)`
    const lists = [
      list('self time by module', summary.modules, result, options.top),
      list("by module, native code and Node's own charged to the nearest caller", summary.callers, result, options.top),
      list('by file', summary.files, result, options.top),
      list('by function', summary.functions, result, options.top),
    ]
    process.stdout.write(`${[head, ...lists].join('\n\n')}`)
  } finally {
    await endAll()
    removeStageFolder(folder)
  }
}

const options = readOptions()
if (options) {
  try {
    await main(options)
  } catch (error) {
    process.stderr.write(`${reasonOf(error)}\n`)
    process.exitCode = 1
  }
} else {
  process.stdout.write(usage)
  process.exitCode = process.argv.includes('--help') ? 0 : 2
}
