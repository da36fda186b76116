/** Child processes of one benchmark run: each is ended by its own pid, whatever happens. */
import { type ChildProcess, type SpawnOptions, spawn } from 'node:child_process'
import { once } from 'node:events'

const running = new Set<ChildProcess>()
let isClosing = false

/** Spawns and remembers, so that `endAll` finds it. */
export function spawnChild(command: string, args: string[], options: SpawnOptions): ChildProcess {
  if (isClosing) throw new Error('the run is being stopped')
  const child = spawn(command, args, options)
  running.add(child)
  child.once('exit', () => running.delete(child))
  child.once('error', () => running.delete(child))
  return child
}

/** Asks to stop, waits, and insists after the patience is over. */
export async function endChild(
  child: ChildProcess,
  signal: NodeJS.Signals = 'SIGTERM',
  patienceMs = 5000,
): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const exited = once(child, 'exit')
  child.kill(signal)
  const insist = setTimeout(() => child.kill('SIGKILL'), patienceMs)
  await exited
  clearTimeout(insist)
}

/** The end of a run: nothing starts any more, and the last one started is the first to go. */
export async function endAll(): Promise<void> {
  isClosing = true
  for (const child of [...running].reverse()) await endChild(child)
}

/** For the way out that cannot wait. */
export function killAll(): void {
  for (const child of running) child.kill('SIGKILL')
}

/** Resolves when the URL answers 200; says the child's last words when it ends before. */
export async function waitUntilReady(
  child: ChildProcess,
  url: string,
  lastWords: () => string,
  limitMs = 20_000,
): Promise<void> {
  const deadline = performance.now() + limitMs
  while (performance.now() < deadline) {
    if (child.exitCode !== null || child.signalCode !== null) {
      throw new Error(`ended with ${child.exitCode ?? child.signalCode} before it was ready: ${lastWords()}`)
    }
    if (await answersOk(url)) return
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
  throw new Error(`${url} did not answer 200 within ${limitMs / 1000} s: ${lastWords()}`)
}

async function answersOk(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false // not listening yet
  }
}
