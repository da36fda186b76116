/** What an operator installs: small, and it starts, or says what it needs. */
import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort } from '../../harness/free-port.ts'

const root = join(import.meta.dirname, '../../..')
const withoutNpm = (process.env['PATH'] ?? '').split(delimiter).filter((one) => !one.includes('node_modules'))
const clean = Object.fromEntries(Object.entries(process.env).filter(([name]) => !/^(npm_|NODE_|CLAVIGER_)/i.test(name)))
const env = { ...clean, PATH: withoutNpm.join(delimiter) }

const machineNode = spawnSync('sh', ['-c', 'command -v node'], { env, encoding: 'utf8' }).stdout.trim()
const machineMajor = Number(
  machineNode &&
    spawnSync(machineNode, ['-p', 'process.versions.node.split(".")[0]'], { env, encoding: 'utf8' }).stdout,
)
const whereOld = machineMajor > 0 && machineMajor < 24 ? test : test.skip
const whyOld = machineMajor > 0 && machineMajor < 24 ? '' : ' (skipped: the Node of this machine is not older)'

const ping = ['ping', '--fetch-retries=0', '--fetch-timeout=3000']
const hasRegistry = spawnSync('npm', ping, { cwd: root, timeout: 20_000 }).status === 0
const whereRegistry = hasRegistry ? describe : describe.skip
const whyRegistry = hasRegistry ? '' : ' (skipped: no package registry answers)'

let folder: string
beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'claviger-operator-'))
})
afterAll(() => rmSync(folder, { recursive: true, force: true }))

interface Locked {
  dev?: boolean
  devOptional?: boolean
  optional?: boolean
  link?: boolean
}

const { packages } = JSON.parse(readFileSync(join(root, 'package-lock.json'), 'utf8')) as {
  packages: Record<string, Locked>
}
const installed = Object.entries(packages)
  .filter(
    ([place, one]) => place.startsWith('node_modules/') && !one.dev && !one.devOptional && !one.optional && !one.link,
  )
  .map(([place]) => place)

/** Of the files themselves; packages within are counted by their own places. */
function bytesOf(place: string): number {
  return readdirSync(place, { withFileTypes: true })
    .filter(({ name }) => name !== 'node_modules')
    .reduce((sum, entry) => {
      const path = join(place, entry.name)
      return sum + (entry.isDirectory() ? bytesOf(path) : entry.isFile() ? statSync(path).size : 0)
    }, 0)
}

test('what an operator installs, without the optional Postgres, is under 200 MB and brings no browser and no Node', () => {
  const there = installed.filter((place) => existsSync(join(root, place)))
  expect(there.length).toBeGreaterThan(50)
  expect(there.reduce((sum, place) => sum + bytesOf(join(root, place)), 0)).toBeLessThan(200e6)
  expect(installed.filter((place) => /chromium|playwright|node_modules\/node$|jest|typescript/.test(place))).toEqual([])
})

whereOld(`a Node that is too old gets one sentence with the Node that is needed, and exit code 1${whyOld}`, () => {
  const alone = join(folder, 'alone')
  mkdirSync(join(alone, 'bin'), { recursive: true })
  cpSync(join(root, 'bin/claviger.js'), join(alone, 'bin/claviger.js'))
  writeFileSync(join(alone, 'package.json'), '{"type":"module"}')
  const { status, stdout, stderr } = spawnSync(machineNode, ['bin/claviger.js', 'start'], {
    cwd: alone,
    env,
    encoding: 'utf8',
  })
  expect({ status, stdout }).toEqual({ status: 1, stdout: '' })
  expect(stderr).toMatch(
    /^claviger: Claviger needs Node 24 or newer, and this is Node [\d.]+; install Node 24, or .*\n$/,
  )
})

whereOld(`a Node that is too old hands over to one that lies beside it, with arguments and exit code${whyOld}`, () => {
  const run = (...args: string[]) =>
    spawnSync(machineNode, ['bin/claviger.js', ...args], { cwd: root, env, encoding: 'utf8' })
  expect(run('--version')).toMatchObject({ status: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+/) })
  expect(run('no-such-command')).toMatchObject({ status: 2 })
})

whereRegistry(`the packed tarball, installed elsewhere with a Node 24 beside it${whyRegistry}`, () => {
  let database: TestDatabase
  let elsewhere: string

  beforeAll(async () => {
    database = await freshDatabase()
    elsewhere = join(folder, 'elsewhere')
    mkdirSync(elsewhere)
    const packed = spawnSync('npm', ['pack', '--silent', '--pack-destination', folder], { cwd: root, encoding: 'utf8' })
    const tarball = join(folder, packed.stdout.trim().split('\n').at(-1) ?? '')
    writeFileSync(join(elsewhere, 'package.json'), '{"private":true}')
    const flags = ['--prefer-offline', '--no-audit', '--no-fund', '--omit=optional', '--loglevel=error']
    const done = spawnSync('npm', ['install', ...flags, tarball], { cwd: elsewhere, env, encoding: 'utf8' })
    expect({ status: done.status, stderr: done.status === 0 ? '' : done.stderr }).toEqual({ status: 0, stderr: '' })
    // As 'npm install node@24' would put it, without another download.
    if (machineMajor < 24)
      cpSync(join(root, 'node_modules/node'), join(elsewhere, 'node_modules/node'), { recursive: true })
  }, 300_000)
  afterAll(() => database?.drop())

  const isAnswering = (url: string): Promise<boolean> =>
    fetch(url).then(
      ({ ok }) => ok,
      () => false,
    )

  const stopped = (child: ChildProcess) =>
    new Promise<number | null>((resolve) =>
      child.exitCode === null ? child.on('exit', resolve) : resolve(child.exitCode),
    )

  test('serves by `npx claviger start`, and stops by SIGTERM', async () => {
    const port = await freePort()
    const own = { CLAVIGER_PORT: String(port), CLAVIGER_ISSUER: `http://localhost:${port}`, DATABASE_URL: database.url }
    const child = spawn('npx', ['--no-install', 'claviger', 'start'], {
      cwd: elsewhere,
      env: { ...env, ...own, CLAVIGER_KEY_ENCRYPTION_KEY: 'k'.repeat(43) },
      stdio: ['ignore', 'pipe', 'pipe'],
      detached: true,
    })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk) => (said += chunk))
    try {
      const isReady = await eventually(
        async () => {
          if (child.exitCode !== null) throw new Error(`ended with ${child.exitCode}: ${said}`)
          return (await isAnswering(`http://127.0.0.1:${port}/health/ready`)) || undefined
        },
        { tries: 600, pauseMs: 100 },
      )
      expect({ isReady, said: isReady ? '' : said }).toEqual({ isReady: true, said: '' })
    } finally {
      // npx, its shell and the program are one group.
      if (child.pid !== undefined && child.exitCode === null) process.kill(-child.pid, 'SIGTERM')
      await stopped(child)
    }
    const isGone = async () => !(await isAnswering(`http://127.0.0.1:${port}/health/live`)) || undefined
    expect(await eventually(isGone, { tries: 150, pauseMs: 100 })).toBe(true)
  }, 120_000)
})
