/** A contender is a server program that can be started for a cell and stopped after it. */
import { closeSync, openSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { endChild, spawnChild, waitUntilReady } from '../children.ts'
import type { Target } from '../target.ts'

export type ContenderName = 'koa' | 'memory' | 'plain' | 'claviger'

export interface Running {
  pid: number
  /** From spawn to the first 200 of its ready path. */
  readyMilliseconds: number
  target: Target
  stop(signal?: NodeJS.Signals): Promise<void>
}

export interface Contender {
  name: ContenderName
  title: string
  /** Where its rows are; undefined for one that keeps nothing in a database. */
  databaseUrl: string | undefined
  /** Starts it, on another way to its database if one is given. */
  start(databaseUrl?: string): Promise<Running>
}

export const contenderTitles: Record<ContenderName, string> = {
  koa: 'bare Koa, buffer',
  memory: 'core, in memory',
  plain: 'core, plain Postgres',
  claviger: 'Claviger',
}

/** A port that was free a moment ago. */
export async function findFreePort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  await new Promise((resolve) => server.close(resolve))
  if (address === null || typeof address === 'string') throw new Error('no port to be had')
  return address.port
}

export interface ServerProgram {
  args: string[]
  env: Record<string, string>
  cwd?: string
  readyUrl: string
  logFile: string
}

/** The environment that every contender gets, so that nothing of the caller's shell tips the scales. */
export const baseEnvironment = (): Record<string, string> => ({
  PATH: process.env['PATH'] ?? '',
  HOME: process.env['HOME'] ?? '/',
  NODE_ENV: 'production',
})

/** What was said last besides log lines in JSON. */
function lastWords(logFile: string): string {
  const lines = readFileSync(logFile, 'utf8').split('\n')
  return lines
    .filter((line) => line.trim() && !line.startsWith('{'))
    .slice(-3)
    .join(' | ')
}

/** Starts a Node program whose output goes to a file, as it would in service. */
export async function startServer({
  args,
  env,
  cwd,
  readyUrl,
  logFile,
}: ServerProgram): Promise<Omit<Running, 'target'>> {
  const log = openSync(logFile, 'a')
  const startedAt = performance.now()
  const child = spawnChild(process.execPath, args, {
    cwd,
    env: { ...baseEnvironment(), ...env },
    stdio: ['ignore', log, log],
  })
  closeSync(log)
  try {
    await waitUntilReady(child, readyUrl, () => lastWords(logFile))
  } catch (error) {
    await endChild(child)
    throw error
  }
  const readyMilliseconds = performance.now() - startedAt
  return { pid: Number(child.pid), readyMilliseconds, stop: (signal) => endChild(child, signal) }
}
