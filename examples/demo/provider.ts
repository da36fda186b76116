/** The provider of the demo: a process of its own, as in real life. */
import { spawn } from 'node:child_process'
import { setTimeout as wait } from 'node:timers/promises'
import { program } from './command.ts'

export interface DemoProvider {
  /** Resolves when it has gone, whoever ended it. */
  gone: Promise<void>
  stop(): Promise<void>
}

const readyTries = 600
const readyPauseMs = 100

/** Starts it and waits until it is ready. What it has to say beyond the ordinary goes to our stderr. */
export async function startProvider(issuer: string, env: NodeJS.ProcessEnv): Promise<DemoProvider> {
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
  for (let tries = 0; tries < readyTries; tries += 1) {
    if (child.exitCode !== null || child.signalCode !== null) break
    if (await isReady(issuer)) return { gone, stop }
    await wait(readyPauseMs)
  }
  await stop()
  throw new Error('The provider did not start; what it said stands above.')
}

const isReady = (issuer: string): Promise<boolean> =>
  fetch(`${issuer}/health/ready`).then(
    ({ ok }) => ok,
    // Nobody listens yet.
    () => false,
  )
