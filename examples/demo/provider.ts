/** The provider of the demo: the one that runs already, or a process of its own. */
import { spawn } from 'node:child_process'
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { claviger, program } from './command.ts'

export interface DemoProvider {
  /** It ran before the demo and goes on after it. */
  joined: boolean
  /** Resolves when the demo's own process has ended. */
  gone: Promise<void>
  /** Stops the demo's own process; leaves a joined one alone. */
  stop(): Promise<void>
}

const readyTries = 600
const readyPauseMs = 100

/**
 * Joins the provider that serves this issuer from this database, or starts one.
 * @throws Error, before anything is written, when the issuer's address is taken by anything else
 */
export async function joinOrStartProvider(issuer: string, env: NodeJS.ProcessEnv): Promise<DemoProvider> {
  const found = await answerAt(issuer)
  if (found === undefined) return startProvider(issuer, env)
  const { host } = new URL(issuer)
  if (found.issuer !== issuer || found.jwks_uri === undefined) {
    throw new Error(
      `Another program answers at ${host}. Stop it, or give the demo another address: CLAVIGER_ISSUER=http://localhost:9500 npm run demo`,
    )
  }
  if (!(await sharesKeys(found.jwks_uri, env))) {
    throw new Error(
      `The provider at ${host} uses another database than this folder. Start the demo in the provider's folder with its environment, or stop the provider.`,
    )
  }
  return { joined: true, gone: new Promise(() => {}), stop: async () => {} }
}

interface Discovery {
  issuer?: string
  jwks_uri?: string
}

/** Undefined when nothing listens there; empty when the answer is no discovery document. */
async function answerAt(issuer: string): Promise<Discovery | undefined> {
  const url = `${issuer}/.well-known/openid-configuration`
  try {
    const answer = await fetch(url, { redirect: 'manual', signal: AbortSignal.timeout(5_000) })
    return (await answer.json()) as Discovery
  } catch (error) {
    const { cause } = error as { cause?: { code?: string } }
    return cause?.code === 'ECONNREFUSED' ? undefined : {}
  }
}

/** A provider and a command that know the same signing keys share a database. */
async function sharesKeys(jwksUri: string, env: NodeJS.ProcessEnv): Promise<boolean> {
  const { keys } = (await (await fetch(jwksUri)).json()) as { keys: { kid: string }[] }
  if (!hasDatabase(env)) return false
  const { ok, stdout } = await claviger(['keys', 'list', '--json'], env)
  if (!ok) return false
  const own = new Set((JSON.parse(stdout) as { kid: string }[]).map(({ kid }) => kid))
  return keys.some(({ kid }) => own.has(kid))
}

/** A command would make an embedded database where there is none. */
function hasDatabase(env: NodeJS.ProcessEnv): boolean {
  const isElsewhere = ['DATABASE_URL', 'DATABASE_URL_FILE', 'PGHOST', 'PGDATABASE'].some((name) => env[name])
  return isElsewhere || existsSync(join(env['CLAVIGER_DATA_DIR'] ?? 'data', 'postgres'))
}

/** Starts it and waits until it is ready. Its warnings go to our stderr. */
async function startProvider(issuer: string, env: NodeJS.ProcessEnv): Promise<DemoProvider> {
  // A group of its own: Ctrl-C reaches this process alone, which then stops the others in order.
  const child = spawn(process.execPath, [program, 'start'], {
    env: { CLAVIGER_LOG_LEVEL: 'warn', ...env },
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  })
  const gone = new Promise<void>((resolve, reject) => child.once('error', reject).once('exit', () => resolve()))
  const stop = async () => {
    child.kill('SIGTERM')
    await gone
  }
  const hasEnded = () => child.exitCode !== null || child.signalCode !== null
  for (let tries = 0; tries < readyTries && !hasEnded(); tries += 1) {
    // Ready and still alive: the answer may come from another process that took the port meanwhile.
    if ((await isReady(issuer)) && !hasEnded()) return { joined: false, gone, stop }
    await wait(readyPauseMs)
  }
  await stop()
  throw new Error('The provider did not start. The reason stands above.')
}

const isReady = (issuer: string): Promise<boolean> =>
  fetch(`${issuer}/health/ready`).then(
    ({ ok }) => ok,
    // Nothing listens yet.
    () => false,
  )
