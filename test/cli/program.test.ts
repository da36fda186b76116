import { once } from 'node:events'
import { createInterface } from 'node:readline'
import { setTimeout as pause } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { captureOutput, type ProgramEnv, runClaviger, spawnClaviger } from '../harness/cli.ts'
import { emptyDatabase, freshDatabase, type TestDatabase } from '../harness/database.ts'
import { freePort } from '../harness/free-port.ts'

const kek = Buffer.alloc(32, 7).toString('base64url')
const envOf = ({ url }: TestDatabase): ProgramEnv => ({ DATABASE_URL: url, CLAVIGER_KEY_ENCRYPTION_KEY: kek })

let database: TestDatabase
let env: ProgramEnv
beforeAll(async () => {
  database = await freshDatabase()
  env = envOf(database)
})
afterAll(() => database.drop())

describe('the program as a separate process', () => {
  test('adds and lists people without a running server', async () => {
    const added = await runClaviger(
      ['users', 'add', 'ada@example.org', '--password-stdin', '--json'],
      env,
      'a quiet lighthouse keeper\n',
    )
    // Prose goes to stderr.
    expect(added).toMatchObject({ code: 0, stderr: expect.stringContaining('--email-verified') })
    expect(JSON.parse(added.stdout)).toMatchObject({ email: 'ada@example.org', has_password: true })
    const listed = await runClaviger(['users', 'list', '--json'], env)
    expect(JSON.parse(listed.stdout)).toMatchObject([{ email: 'ada@example.org' }])
  })

  test('writes every change to the audit log under the Unix user', async () => {
    await runClaviger(['apis', 'add', 'https://api.example.org'], env)
    const { stdout } = await runClaviger(['events', 'list', '--kind', 'api.created', '--json'], env)
    expect(JSON.parse(stdout)).toMatchObject([{ kind: 'api.created', actor: expect.stringMatching(/^cli:./) }])
  })

  test('exits with 2 for wrong usage without connecting to the database', async () => {
    const { code, stderr } = await runClaviger(['users', 'lst'], { DATABASE_URL: 'postgres://127.0.0.1:1/none' })
    expect({ code, stderr }).toEqual({
      code: 2,
      stderr:
        "claviger: unknown command 'lst'\nhint: did you mean list?\nhint: 'node src/main.ts users --help' lists its commands\n",
    })
  })

  test('names every fault of the environment at once', async () => {
    const { code, stderr } = await runClaviger(['users', 'list'], {
      ...env,
      CLAVIGER_PORT: 'x',
      CLAVIGER_WORKERS: '-1',
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(
      /^claviger: The configuration is wrong\nhint: CLAVIGER_PORT .*\nhint: CLAVIGER_WORKERS .*\n$/,
    )
  })

  test('prints the address and a hint when the database is unreachable', async () => {
    const { code, stderr } = await runClaviger(['users', 'list'], {
      DATABASE_URL: 'postgres://claviger:hush@127.0.0.1:1/none',
    })
    expect(code).toBe(1)
    expect(stderr).toMatch(/^claviger: .+\nreason: Postgres at 127\.0\.0\.1:1, .+\nhint: .+\n$/)
    expect(stderr).not.toContain('hush')
  })

  test('names an outdated schema, and migrate brings it up to date', async () => {
    const empty = await emptyDatabase()
    const before = await runClaviger(['users', 'list'], envOf(empty))
    expect(before.code).toBe(1)
    expect(before.stderr).toContain("'claviger migrate'")
    expect((await runClaviger(['doctor', '--json'], envOf(empty))).code).toBe(1)
    expect((await runClaviger(['migrate', '--status'], envOf(empty))).code).toBe(1)
    expect((await runClaviger(['migrate'], envOf(empty))).code).toBe(0)
    expect((await runClaviger(['migrate', '--status'], envOf(empty))).code).toBe(0)
    expect((await runClaviger(['users', 'list'], envOf(empty))).code).toBe(0)
    await empty.drop()
  })

  test('lists no key before the first start of a server', async () => {
    const { code, stdout } = await runClaviger(['keys', 'list', '--json'], env)
    expect({ code, keys: JSON.parse(stdout) }).toEqual({ code: 0, keys: [] })
  })

  test('exits with 0 and prints no error when the reader of its output has gone', async () => {
    const child = spawnClaviger(['config', 'show'], env)
    const output = captureOutput(child)
    child.stdout?.destroy()
    const [code] = (await once(child, 'close')) as [number | null]
    expect({ code, stderr: output.stderr() }).toEqual({ code: 0, stderr: '' })
  })

  test.each([
    ['in development prints the welcome', {}, true],
    ['in production writes logs only', { NODE_ENV: 'production' }, false],
  ])(
    'started %s, and exits with 0 on SIGTERM',
    async (_title, more: ProgramEnv, greets) => {
      const port = await freePort()
      const issuer = `http://localhost:${port}`
      const child = spawnClaviger(['start', '--port', String(port)], { ...env, CLAVIGER_ISSUER: issuer, ...more })
      const output = captureOutput(child)
      const closed = once(child, 'close')
      for (let tries = 0; tries < 400 && child.exitCode === null && !output.stderr().includes('"Serving"'); tries += 1)
        await pause(50)
      for (let tries = 0; tries < 100 && greets && !output.stdout().includes('Ctrl-C'); tries += 1) await pause(50)
      child.kill('SIGTERM')
      expect(await closed).toEqual([0, null])
      if (!greets) return expect(output.stdout()).toBe('')
      expect(output.stdout()).toContain(issuer)
      expect(output.stdout()).toContain('admin create')
      expect(output.stdout().split('\n').length).toBeLessThan(25)
    },
    60_000,
  )

  test('follows new events until SIGTERM', async () => {
    const child = spawnClaviger(['events', 'follow', '--kind', 'client.created', '--json'], env)
    const lines = createInterface({ input: child.stdout as NodeJS.ReadableStream })[Symbol.asyncIterator]()
    const first = lines.next()
    // The command starts after the latest entry, so clients are added until it prints one.
    let seen: string | undefined
    void first.then(({ value }) => {
      seen = value
    })
    for (let tries = 0; tries < 40 && seen === undefined; tries += 1) {
      await runClaviger(['clients', 'add', '--preset', 'service', '--name', `Job ${tries}`], env)
    }
    expect(JSON.parse(seen ?? 'null')).toMatchObject({ kind: 'client.created' })
    child.kill('SIGTERM')
    expect(await once(child, 'close')).toEqual([0, null])
  }, 60_000)
})

test('events of a removed person are found by their id', async () => {
  const { stdout } = await runClaviger(['users', 'add', 'gone@example.org', '--json'], env)
  const { id } = JSON.parse(stdout) as { id: string }
  await runClaviger(['users', 'remove', id, '--yes'], env)
  const found = await runClaviger(['events', 'list', '--user', id, '--json'], env)
  expect(JSON.parse(found.stdout)).toEqual([
    expect.objectContaining({ kind: 'account.created', account_id: id, account_email: 'gone@example.org' }),
    expect.objectContaining({ kind: 'account.removed', account_id: id, account_email: 'gone@example.org' }),
  ])
})
