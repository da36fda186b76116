/** Every start that fails and every stop comes to its end: processes are really gone, with all their workers. */
import type { ChildProcess } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, readFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from '@jest/globals'
import { migrate } from '../../../src/storage/schema/migrations.ts'
import { captureOutput, type ProgramEnv, spawnClaviger } from '../../harness/cli.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort } from '../../harness/free-port.ts'
import { startTcpPostgres, type TcpPostgres } from '../../harness/tcp-postgres.ts'
import { type Gate, openGate } from './postgres-gate.ts'

let postgres: TcpPostgres
let gate: Gate | undefined
let child: ChildProcess | undefined
const key = randomBytes(32).toString('base64url')

beforeAll(async () => {
  postgres = await startTcpPostgres()
  await migrate({ url: postgres.url() })
}, 60_000)

afterEach(async () => {
  if (child?.exitCode === null && child.signalCode === null) child.kill('SIGKILL')
  child = undefined
  await gate?.close()
  gate = undefined
})

afterAll(() => postgres?.stop())

interface Run {
  port: number
  pid: number
  output: { stdout(): string; stderr(): string }
  ended: Promise<number | null>
}

async function start(url: string, workers: number, env: ProgramEnv = {}): Promise<Run> {
  const port = Number(env['CLAVIGER_PORT'] ?? (await freePort()))
  const more = {
    CLAVIGER_PORT: String(port),
    CLAVIGER_ISSUER: `http://localhost:${port}`,
    CLAVIGER_KEY_ENCRYPTION_KEY: key,
  }
  const started = spawnClaviger(['start', '--workers', String(workers)], { DATABASE_URL: url, ...more, ...env })
  child = started
  const ended = once(started, 'exit').then(([code]) => code as number | null)
  return { port, pid: started.pid ?? 0, output: captureOutput(started), ended }
}

async function serves({ port, output }: Run): Promise<void> {
  const answer = () =>
    fetch(`http://localhost:${port}/health/ready`).then(
      ({ ok }) => ok || undefined,
      () => undefined,
    )
  if (!(await eventually(answer, { tries: 400 }))) throw new Error(`It does not serve:\n${output.stderr()}`)
}

/** It says so, or takes no connection any more: of two workers the first may be gone. */
const isDraining = (port: number): Promise<true | undefined> =>
  fetch(`http://localhost:${port}/health/ready`).then(
    ({ ok }) => (ok ? undefined : true),
    () => true as const,
  )

const childrenOf = (pid: number): number[] => {
  const file = `/proc/${pid}/task/${pid}/children`
  return existsSync(file) ? readFileSync(file, 'utf8').split(' ').filter(Boolean).map(Number) : []
}

const isGone = (pid: number) =>
  !existsSync(`/proc/${pid}`) || /^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))

/** A worker may need a moment more than its supervisor. */
const areGone = (pids: readonly number[]) => eventually(() => pids.every(isGone) || undefined)

describe('a start that fails', () => {
  test.each([1, 2])(
    'because the port is taken ends with its reason and exit code 1 (%d workers)',
    async (workers) => {
      const taken = createServer().listen(0, '127.0.0.1')
      await once(taken, 'listening')
      const { port } = taken.address() as { port: number }
      const run = await start(postgres.url(), workers, { CLAVIGER_PORT: String(port) })
      const code = await run.ended
      taken.close()
      expect(code).toBe(1)
      expect(run.output.stderr()).toMatch(new RegExp(`claviger: Port ${port}`))
      expect(run.output.stderr()).not.toContain('process.cut')
      if (workers > 1) expect(run.output.stderr()).toMatch(/Worker process \d+ ended \(1\) before it served/)
    },
    60_000,
  )

  test('because the second worker finds no database ends the first one too', async () => {
    let listening = 0
    gate = await openGate(postgres.url(), (startup) => !startup.includes('claviger listens') || ++listening === 1)
    const run = await start(gate.url, 2)
    const workers = new Set<number>()
    const watch = setInterval(() => childrenOf(run.pid).forEach((pid) => void workers.add(pid)), 20)
    expect(await run.ended).toBe(1)
    clearInterval(watch)
    expect(run.output.stderr()).toMatch(/reason: Postgres at 127\.0\.0\.1:\d+, database "postgres", role "claviger"/)
    expect(run.output.stderr()).toMatch(/Worker process \d+ ended \(1\) before it served/)
    expect(listening).toBe(2)
    if (process.platform === 'linux') expect(workers.size).toBeGreaterThanOrEqual(2)
    expect(await areGone([...workers])).toBe(true)
  }, 60_000)

  test.each(['claviger listens', 'claviger revocations', 'claviger signals'])(
    'at the connection named %s ends with exit code 1 and the place of the database',
    async (name) => {
      gate = await openGate(postgres.url(), (startup) => !startup.includes(name))
      const run = await start(gate.url, 1)
      expect(await run.ended).toBe(1)
      expect(run.output.stderr()).toMatch(/reason: Postgres at 127\.0\.0\.1:\d+, database "postgres"/)
    },
    60_000,
  )

  test('because the database falls silent in the middle ends with exit code 1', async () => {
    gate = await openGate(postgres.url(), (startup) => {
      if (startup.includes('claviger signals')) gate?.fallSilent()
      return true
    })
    const run = await start(gate.url, 1)
    expect(await run.ended).toBe(1)
    expect(run.output.stderr()).toMatch(/Postgres at 127\.0\.0\.1:\d+/)
  }, 120_000)
})

describe('a stop', () => {
  test.each([1, 2])(
    'of %d workers ends, with exit code 0',
    async (workers) => {
      const run = await start(postgres.url(), workers)
      await serves(run)
      const children = childrenOf(run.pid)
      child?.kill('SIGTERM')
      expect(await run.ended).toBe(0)
      expect(await areGone(children)).toBe(true)
      // Nothing had to be cut.
      expect(run.output.stderr()).not.toContain('process.cut')
    },
    60_000,
  )

  test.each([
    ['falls silent', (one: Gate) => one.fallSilent()],
    ['closes every connection', (one: Gate) => one.close()],
  ])(
    'of two workers ends though the database %s once it has begun',
    async (_, lose) => {
      gate = await openGate(postgres.url())
      // In production a stop begins with some seconds for the load balancer to notice.
      const run = await start(gate.url, 2, { NODE_ENV: 'production' })
      await serves(run)
      const children = childrenOf(run.pid)
      child?.kill('SIGTERM')
      expect(await eventually(() => isDraining(run.port))).toBe(true)
      await lose(gate)
      expect([0, 1]).toContain(await run.ended)
      expect(await areGone(children)).toBe(true)
    },
    120_000,
  )

  test('of a process whose database has fallen silent before ends', async () => {
    gate = await openGate(postgres.url())
    const run = await start(gate.url, 1)
    await serves(run)
    gate.fallSilent()
    child?.kill('SIGTERM')
    expect([0, 1]).toContain(await run.ended)
  }, 120_000)
})
