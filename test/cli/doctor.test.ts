import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Desk } from '../../src/cli/desk.ts'
import type { Config } from '../../src/config/config.ts'
import { Failure } from '../../src/errors/failure.ts'
import { refuseUnwritable } from '../../src/storage/connection/server-place.ts'
import { run } from './run-in-process.ts'
import { StandInDesk, straight } from './stand-in-desk.ts'

interface Report {
  ok: boolean
  checks: { name: string; outcome: string; found: string; mend: string | null }[]
}

const writable = { refuseUnwritable: async () => {} }
const server = createServer((_request, response) => response.end(JSON.stringify({ issuer: announced })))
let announced = ''
let issuer = ''

beforeAll(async () => {
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve))
  issuer = `http://localhost:${(server.address() as AddressInfo).port}`
})
afterAll(() => void server.close())

function healthyDesk(changes: Partial<Desk> = {}): StandInDesk {
  const desk = new StandInDesk()
  desk.config = { issuer, accessTokenSeconds: 600, databasePoolSize: 10, workers: 1 } as Config
  desk.pending = []
  announced = issuer
  desk.accounts.hasAdmin = async () => true
  desk.nodes = { confirm: async () => ({ confirmed: 2, silent: [] }) }
  // The keys of the stand-in rotate in 2026, and the doctor reads the time from the database.
  desk.keyring.nextRotationAt = async () => new Date(Date.now() + 86_400_000)
  return Object.assign(desk, changes)
}

async function examine(
  desk: StandInDesk,
  more = {},
): Promise<{ report: Report; code: number; of(name: string): Report['checks'][number] }> {
  const { stdout, code } = await run(['doctor', '--json'], { desk, more })
  const report = JSON.parse(stdout) as Report
  const of = (name: string) =>
    report.checks.find((check) => check.name === name) ?? { name, outcome: 'absent', found: '', mend: null }
  return { report, code, of }
}

describe('doctor', () => {
  test('finds no fault in a healthy deployment, and names what to back up', async () => {
    const { report, code, of } = await examine(healthyDesk())
    expect(report.checks.filter(({ outcome }) => outcome !== 'ok').map(({ name }) => name)).toEqual(['backup'])
    expect(of('backup').mend).toContain('cannot be decrypted')
    expect(code).toBe(0)
  })

  test('prints a table without --json', async () => {
    const { stdout } = await run(['doctor'], { desk: healthyDesk() })
    expect(stdout).toMatch(/^CHECK +RESULT +FOUND\nconfiguration +ok /)
    expect(stdout).toMatch(/Nothing failed\.\n$/)
  })

  test('names every fault of the configuration and skips the other checks', async () => {
    const { stdout, code } = await run(['doctor', '--json'], {
      desk: healthyDesk(),
      env: { CLAVIGER_PORT: 'x', CLAVIGER_WORKERS: 'many' },
    })
    const [first, ...rest] = (JSON.parse(stdout) as Report).checks
    expect(first).toMatchObject({ name: 'configuration', outcome: 'failed' })
    expect(first?.found).toMatch(/CLAVIGER_PORT .*CLAVIGER_WORKERS /)
    expect(new Set(rest.map(({ outcome }) => outcome))).toEqual(new Set(['skipped']))
    expect(code).toBe(1)
  })

  test('reports an unreachable database as the only failure, and skips the checks that need it', async () => {
    const away = {
      ...writable,
      describe: () =>
        Promise.reject(new Failure('database_unavailable', 'unavailable', 'The database does not answer.')),
    }
    const { code, of } = await examine(healthyDesk({ database: away }))
    expect(of('database')).toMatchObject({ outcome: 'failed', found: 'The database does not answer.' })
    expect(of('signing keys').outcome).toBe('skipped')
    expect(code).toBe(1)
  })

  test('reports an unreachable database when the desk cannot be opened', async () => {
    const openDesk = () =>
      Promise.reject(new Failure('database_unavailable', 'unavailable', 'The database does not answer.'))
    expect((await examine(healthyDesk(), { openDesk })).of('database').outcome).toBe('failed')
  })

  test('reports a Postgres older than 14 as a failure', async () => {
    const old = {
      ...writable,
      describe: async () => ({ version: '13.9', now: new Date(), where: 'db', embedded: false }),
    }
    expect((await examine(healthyDesk({ database: old }))).of('database')).toMatchObject({
      outcome: 'failed',
      mend: 'Use Postgres 14 or later.',
    })
  })

  test('reports a standby as a failure with its fix, and skips the checks that write', async () => {
    const standby = {
      describe: async () => ({ version: '18.4', now: new Date(), where: 'db:5432/claviger', embedded: false }),
      refuseUnwritable: async () => refuseUnwritable({ isStandby: true, isReadOnly: true }, 'db:5432/claviger'),
    }
    const { code, of } = await examine(healthyDesk({ database: standby }))
    expect(of('primary')).toMatchObject({ outcome: 'failed', found: expect.stringContaining('is a standby') })
    expect(of('nodes').outcome).toBe('skipped')
    expect(code).toBe(1)
  })

  test('reports a node that does not answer as a failure, with its name and the fix', async () => {
    const desk = healthyDesk()
    desk.nodes = { confirm: async () => ({ confirmed: 1, silent: [{ name: 'eu-2 4711', silentSeconds: 20 }] }) }
    const { code, of } = await examine(desk)
    expect(of('nodes')).toMatchObject({
      outcome: 'failed',
      found: expect.stringContaining('eu-2 4711 (last seen 20 s ago)'),
    })
    expect(of('nodes').mend).toContain('/health/ready')
    expect(code).toBe(1)
  })

  test('names the command that applies pending migrations', async () => {
    const desk = healthyDesk()
    desk.pending = ['000002-more']
    expect((await examine(desk)).of('migrations')).toMatchObject({ outcome: 'failed', mend: 'claviger migrate' })
  })

  test('reports a compatible schema of a newer release without a failure', async () => {
    const desk = healthyDesk()
    desk.ahead = ['000099-more']
    expect((await examine(desk)).of('migrations')).toMatchObject({
      outcome: 'ok',
      found: expect.stringContaining('000099-more'),
    })
  })

  test.each([
    ['a pooler in session mode as a note', { isPooled: true }, 'note', 'in session mode'],
    [
      'a pooler that drops statement_timeout as a warning',
      { isPooled: true, isUnlimited: true },
      'warning',
      'statement_timeout',
    ],
    [
      'a pooler that keeps no session as a failure',
      { isPooled: true, keepsSession: false },
      'failed',
      'need a session',
    ],
    [
      'a pooler that loses prepared statements as a failure',
      { isPooled: true, keepsSession: false, keepsStatements: false },
      'failed',
      'loses prepared statements',
    ],
  ])('reports %s', async (_, pool, outcome, found) => {
    const desk = healthyDesk()
    const route = { ...straight, ...pool }
    desk.connections.routes = async () => ({ pool: route, direct: route })
    expect((await examine(desk)).of('pooler')).toMatchObject({ outcome, found: expect.stringContaining(found) })
  })

  test('reports two URLs of different databases as a failure', async () => {
    const desk = healthyDesk()
    desk.connections.routes = async () => ({ pool: straight, direct: { ...straight, isPooled: true, target: 'other' } })
    expect((await examine(desk)).of('pooler')).toMatchObject({
      outcome: 'failed',
      found: expect.stringContaining('different databases'),
    })
  })

  test('warns when all serving processes may open more connections than Postgres accepts', async () => {
    const desk = healthyDesk()
    const room = { maxConnections: 100, reserved: 3, roleLimit: undefined, databaseLimit: undefined, serving: 7 }
    desk.connections.room = async () => room
    expect((await examine(desk)).of('connections')).toMatchObject({
      outcome: 'warning',
      found:
        '7 processes with up to 16 connections each: 112. Postgres takes 97 (max_connections 100, 3 of them reserved).',
    })
    desk.connections.room = async () => ({ ...room, serving: 6, databaseLimit: 80 })
    expect((await examine(desk)).of('connections').found).toContain('Postgres takes 80 (the limit of the database)')
  })

  test('reports clocks that differ by seconds as a failure', async () => {
    const late = {
      ...writable,
      describe: async () => ({ version: '18.4', now: new Date(Date.now() - 30_000), where: 'db', embedded: false }),
    }
    expect((await examine(healthyDesk({ database: late }))).of('clock').outcome).toBe('failed')
  })

  test('names both fingerprints when the key-encryption key is wrong', async () => {
    const desk = healthyDesk()
    desk.keyring.fingerprints = async () => ({ configured: 'kek-2', stored: 'kek-1' })
    const { of, code } = await examine(desk)
    expect(of('key-encryption key').found).toMatch(/kek-2.*kek-1/)
    expect(code).toBe(1)
  })

  test('warns of an overdue rotation', async () => {
    const desk = healthyDesk()
    desk.keyring.nextRotationAt = async () => new Date(Date.now() - 7_200_000)
    const { of, code } = await examine(desk)
    expect(of('signing keys')).toMatchObject({ outcome: 'warning' })
    expect(of('signing keys').found).toContain('ES256 (due 2 hours ago)')
    expect(code).toBe(0)
  })

  test('warns of configured times that do not suit every verifier', async () => {
    const desk = healthyDesk()
    desk.keyring.doubts = () => ['The publish lead (600 s) is shorter than some verifiers keep a key set.']
    expect((await examine(desk)).of('signing keys')).toMatchObject({
      outcome: 'warning',
      found: expect.stringContaining('600 s'),
    })
  })

  test('reports a server that answers with another issuer as a failure', async () => {
    const desk = healthyDesk()
    announced = 'https://other.example'
    const { of, code } = await examine(desk)
    expect(of('issuer')).toMatchObject({ outcome: 'failed' })
    expect(of('issuer').found).toContain('https://other.example')
    expect(code).toBe(1)
  })

  test('warns when no server answers, since the server may be down', async () => {
    const desk = healthyDesk()
    desk.config = { ...desk.config, issuer: 'http://localhost:1' }
    expect((await examine(desk)).of('issuer').outcome).toBe('warning')
  })

  test('runs the other checks when one check throws', async () => {
    const desk = healthyDesk()
    desk.keyring.list = () => Promise.reject(new TypeError('x is not a function'))
    const { of } = await examine(desk)
    expect(of('signing keys')).toMatchObject({ outcome: 'failed', found: 'The check could not run (TypeError).' })
    expect(of('issuer').outcome).toBe('ok')
  })
})
