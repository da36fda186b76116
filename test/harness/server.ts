/** The real program on a database of its own, for one test file. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { type CommandResult, captureOutput, type ProgramEnv, command as runCommand, spawnClaviger } from './cli.ts'
import { freshDatabase } from './database.ts'
import { freePort } from './free-port.ts'

export interface ProviderOptions {
  /** Added to, or put in place of, what the harness sets. */
  env?: ProgramEnv
  /** A database to share with another node or to keep over a restart; the caller drops it. */
  database?: { url: string }
  /** Path of the issuer, `/tenant/a`; none by default. */
  issuerPath?: string
}

/** A running node. */
export interface Provider {
  issuer: string
  port: number
  databaseUrl: string
  /** The environment its commands share: hand it to a second node to form one deployment. */
  env: ProgramEnv
  pid: number
  /** An absolute URL of this issuer. */
  url(path: string): string
  /** Runs a command against the same deployment, whatever it answers. */
  command(args: readonly string[], stdin?: string): Promise<CommandResult>
  /** Runs a command with `--json` that has to succeed, and gives what it printed. */
  cli<T = unknown>(args: readonly string[], stdin?: string): Promise<T>
  /** Everything it has logged so far. */
  log(): string
  /** SIGTERM, and waits for the end. Drops the database if the harness made it. */
  stop(): Promise<number | null>
  /** SIGKILL: no goodbye. The database stays until `stop()`. */
  kill(): Promise<void>
}

const startTries = 3
const readyTries = 400
const readyPauseMs = 50

/** Starts a node and waits until `/health/ready` says so. */
export async function startProvider(options: ProviderOptions = {}): Promise<Provider> {
  const ours = options.database ? undefined : await freshDatabase()
  const databaseUrl = options.database?.url ?? ours?.url ?? ''
  const dataDir = await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'node-'))
  const tidy = async () => {
    await ours?.drop()
    await rm(dataDir, { recursive: true, force: true })
  }
  const shared = {
    DATABASE_URL: databaseUrl,
    CLAVIGER_DATA_DIR: dataDir,
    CLAVIGER_KEY_ENCRYPTION_KEY: randomBytes(32).toString('base64url'),
    ...options.env,
  }
  try {
    return await launch(shared, options.issuerPath ?? '', tidy)
  } catch (error) {
    await tidy()
    throw error
  }
}

const portIsTaken = (log: string) => log.includes('EADDRINUSE') || /Port \d+ of \S+ is taken/.test(log)

/** Another process may take the free port first: then the next one is tried. */
async function launch(shared: ProgramEnv, issuerPath: string, tidy: () => Promise<void>): Promise<Provider> {
  for (let tries = 1; ; tries += 1) {
    const port = await freePort()
    const env = { CLAVIGER_ISSUER: `http://localhost:${port}${issuerPath}`, CLAVIGER_PORT: String(port), ...shared }
    const child = spawnClaviger(['start'], env)
    const output = captureOutput(child)
    const log = () => output.stdout() + output.stderr()
    if (await isReady(child, port, issuerPath)) return providerOf(child, port, env, log, tidy)
    await end(child, 'SIGKILL')
    if (tries === startTries || !portIsTaken(log())) throw new Error(`The provider did not start:\n${log()}`)
  }
}

async function isReady(child: ChildProcess, port: number, issuerPath: string): Promise<boolean> {
  for (let tries = 0; tries < readyTries && child.exitCode === null && child.signalCode === null; tries += 1) {
    if (await answers(`http://localhost:${port}${issuerPath}/health/ready`)) return true
    await wait(readyPauseMs)
  }
  return false
}

/** Nobody listening yet is an answer, too: not ready. */
const answers = (url: string): Promise<boolean> =>
  fetch(url).then(
    ({ ok }) => ok,
    () => false,
  )

function providerOf(
  child: ChildProcess,
  port: number,
  env: ProgramEnv & { CLAVIGER_ISSUER: string },
  log: () => string,
  tidy: () => Promise<void>,
): Provider {
  const issuer = env.CLAVIGER_ISSUER
  const command = (args: readonly string[], stdin = '') => runCommand(args, env, stdin)
  return {
    issuer,
    port,
    databaseUrl: env['DATABASE_URL'] ?? '',
    env,
    pid: child.pid ?? 0,
    url: (path) => `${issuer}${path}`,
    command,
    async cli<T>(args: readonly string[], stdin?: string) {
      const { code, stdout, stderr } = await command([...args, '--json'], stdin)
      if (code !== 0) throw new Error(`claviger ${args.join(' ')} exited ${code}:\n${stderr}${stdout}`)
      return JSON.parse(stdout) as T
    },
    log,
    async stop() {
      const code = await end(child, 'SIGTERM')
      await tidy()
      return code
    },
    async kill() {
      await end(child, 'SIGKILL')
    },
  }
}

/** Ends one process and waits until it is gone; one that is gone already is left alone. */
async function end(child: ChildProcess, signal: NodeJS.Signals): Promise<number | null> {
  if (child.exitCode === null && child.signalCode === null) {
    const gone = new Promise((resolve) => child.once('exit', resolve))
    child.kill(signal)
    await gone
  }
  return child.exitCode
}
