/** `npm run demo`, run as a newcomer runs it: beside a provider, without one, and where its ports are taken. */
import { type ChildProcess, spawn } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { existsSync } from 'node:fs'
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import { createServer } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { openChromium } from '../harness/chromium.ts'
import { eventually } from '../harness/eventually.ts'
import { freePort } from '../harness/free-port.ts'

const root = join(import.meta.dirname, '../..')
/** Without it, the provider makes a file of it in the checkout. */
const kek = randomBytes(32).toString('base64url')
const running: ChildProcess[] = []
let folder: string
let issuer: string
let port: number

beforeEach(async () => {
  folder = await realpath(await mkdtemp(join(tmpdir(), 'claviger-demo-')))
  port = await freeRow(6)
  issuer = `http://localhost:${port}`
})

afterEach(async () => {
  for (const child of running.splice(0).reverse()) await ended(child)
  await rm(folder, { recursive: true, force: true, maxRetries: 3 })
})

/** The first of so many ports in a row that are free. */
async function freeRow(length: number): Promise<number> {
  for (let tries = 0; tries < 50; tries += 1) {
    const ports = [await freePort()]
    while (ports.length < length) {
      const next = await freePort()
      if (next !== (ports[ports.length - 1] ?? 0) + 1) break
      ports.push(next)
    }
    if (ports.length === length) return ports[0] ?? 0
  }
  throw new Error('there was no row of free ports')
}

interface Run {
  child: ChildProcess
  said(): string
}

function run(script: string, args: readonly string[] = [], env: NodeJS.ProcessEnv = {}): Run {
  const child = spawn(process.execPath, [join(root, script), ...args], {
    cwd: folder,
    env: { PATH: process.env['PATH'], HOME: folder, CLAVIGER_ISSUER: issuer, CLAVIGER_KEY_ENCRYPTION_KEY: kek, ...env },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let text = ''
  for (const stream of [child.stdout, child.stderr]) stream?.setEncoding('utf8').on('data', (part) => (text += part))
  running.push(child)
  return { child, said: () => text }
}

async function ended(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  child.kill('SIGTERM')
  await once(child, 'close')
}

const isReady = () =>
  fetch(`${issuer}/health/ready`).then(
    ({ ok }) => ok || undefined,
    () => undefined,
  )
const patience = { tries: 600, pauseMs: 100 }

async function isRunning(demo: Run): Promise<string> {
  const said = await eventually(
    async () => (demo.said().includes('The demo is running') || demo.child.exitCode !== null ? demo.said() : undefined),
    patience,
  )
  expect(said).toContain('The demo is running')
  return said ?? ''
}

const personIn = (said: string) => ({
  email: /Sign in +(\S+)/.exec(said)?.[1] ?? '',
  password: /Password +(\S+)/.exec(said)?.[1] ?? '',
})

describe('npm run demo', () => {
  test('joins the provider that runs already, and leaves it running', async () => {
    run('src/main.ts', ['start'])
    expect(await eventually(isReady, patience)).toBe(true)
    const demo = run('examples/demo.ts')
    expect(await isRunning(demo)).toContain('beside the provider that ran already')
    const { keys } = (await (await fetch(`${issuer}/jwks`)).json()) as { keys: unknown[] }
    expect(keys.length).toBeGreaterThan(0)
    await ended(demo.child)
    expect(demo.child.exitCode).toBe(0)
    expect(await isReady()).toBe(true)
  })

  test('shows a token refused by three services after its revocation, and a key rotation without a failed call', async () => {
    const person = personIn(await isRunning(run('examples/demo.ts')))
    const chromium = await openChromium()
    try {
      await chromium.withPage(async (page) => {
        const rows = (state: string) => page.locator(`#services li[data-state="${state}"]`)
        await page.goto(`http://localhost:${port + 1}`)
        await page.click('#sign-in')
        await page.fill('input[name="login"]', person.email)
        await page.fill('input[name="password"]', person.password)
        await page.click('#sign-in')
        await rows('accepted').nth(3).waitFor()
        await page.click('#revoke')
        await page.getByText(/^Refused by all 3 services \d+ ms after you pressed the button\.$/).waitFor()
        expect(await rows('refused').count()).toBe(3)
        await page.click('#renew')
        await rows('accepted').nth(3).waitFor()
        await page.click('#rotate')
        await page.getByText(/^Key \S+ gave way to \S+: \d+ calls meanwhile, 0 failed\.$/).waitFor()
        await page.click('#rotate')
        await page.getByText('The next key was published moments ago').waitFor()
      })
    } finally {
      await chromium.close()
    }
  })

  test('fails before it writes anything where another program has its port', async () => {
    const stranger = createServer((_, response) => response.end('a stranger')).listen(port, '127.0.0.1')
    try {
      const demo = run('examples/demo.ts')
      await once(demo.child, 'close')
      expect(demo.child.exitCode).toBe(1)
      expect(demo.said()).toContain(`Another program answers at localhost:${port}`)
      expect(existsSync(join(folder, 'data'))).toBe(false)
    } finally {
      stranger.close()
    }
  })

  test('fails before it writes anything where the port of its app is taken', async () => {
    const stranger = createServer().listen(port + 1, '127.0.0.1')
    try {
      const demo = run('examples/demo.ts')
      await once(demo.child, 'close')
      expect(demo.child.exitCode).toBe(1)
      expect(demo.said()).toContain(`The demo needs port ${port + 1}`)
      expect(existsSync(join(folder, 'data'))).toBe(false)
    } finally {
      stranger.close()
    }
  })

  test('fails before it writes anything where the running provider uses another database', async () => {
    run('src/main.ts', ['start'], { CLAVIGER_DATA_DIR: join(folder, 'elsewhere') })
    expect(await eventually(isReady, patience)).toBe(true)
    const demo = run('examples/demo.ts')
    await once(demo.child, 'close')
    expect(demo.child.exitCode).toBe(1)
    expect(demo.said()).toContain('uses another database than this folder')
    expect(existsSync(join(folder, 'data'))).toBe(false)
  })
})
