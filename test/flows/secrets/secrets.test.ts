/** Secrets come from files, and go nowhere: not into logs at their most talkative, not into `ps`, not into errors. */
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { captureOutput, runClaviger, spawnClaviger } from '../../harness/cli.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { basic, PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask } from '../../harness/wire.ts'

const redirectUri = 'https://app.example/callback'
const kek = Buffer.from('a-key-encryption-key-of-32-bytes').toString('base64url')

let folder: string
let database: TestDatabase
let provider: Provider
let person: Person
let client: { client_id: string; client_secret?: string }
/** Command lines seen while commands ran. */
const seenCommandLines = new Set<string>()

async function watchCommandLines(until: Promise<unknown>): Promise<void> {
  let isOver = false
  void until.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const pids = (await readdir('/proc')).filter((name) => /^\d+$/.test(name))
    const lines = await Promise.all(pids.map((pid) => readFile(`/proc/${pid}/cmdline`, 'utf8').catch(() => '')))
    for (const line of lines) if (line !== '') seenCommandLines.add(line.replaceAll('\0', ' '))
    await wait(20)
  }
}

beforeAll(async () => {
  folder = await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'secrets-'))
  database = await freshDatabase()
  await writeFile(join(folder, 'kek'), `${kek}\n`)
  await writeFile(join(folder, 'database-url'), `${database.url}\n`)
  const env = {
    DATABASE_URL: '',
    DATABASE_URL_FILE: join(folder, 'database-url'),
    CLAVIGER_KEY_ENCRYPTION_KEY: '',
    CLAVIGER_KEY_ENCRYPTION_KEY_FILE: join(folder, 'kek'),
    CLAVIGER_LOG_LEVEL: 'trace',
  }
  provider = await startProvider({ database, env })
  const setUp = (async () => {
    await addApi(provider, 'https://orders.example', ['orders:read'])
    person = await addPerson(provider)
    client = await addClient(provider, {
      preset: 'web',
      firstParty: true,
      redirectUris: [redirectUri],
      apis: ['https://orders.example'],
    })
  })()
  await Promise.all([setUp, watchCommandLines(setUp)])
}, 90_000)

afterAll(async () => {
  await provider?.stop()
  await database?.drop()
  await rm(folder, { recursive: true, force: true })
})

test('every secret may come from a file named by NAME_FILE', async () => {
  expect((await fetch(provider.url('/health/ready'))).status).toBe(200)
  const shown = await provider.command(['config', 'show'])
  expect(shown.code).toBe(0)
  expect(shown.stdout).not.toContain(kek)
})

test('a whole flow at log level trace leaves no password, code, token, cookie or secret in the logs', async () => {
  const app = new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port })
  const secrets = new Map<string, string>([
    ['password', person.password],
    ['client secret', client.client_secret ?? ''],
    ['key-encryption key', kek],
  ])
  const agent = new UserAgent(provider.issuer)
  const { url, verifier } = app.start({ state: 'the-state-of-an-app-is-private', nonce: 'so-is-its-nonce-of-course' })
  secrets
    .set('verifier', verifier)
    .set('state', 'the-state-of-an-app-is-private')
    .set('nonce', 'so-is-its-nonce-of-course')
  const page = await agent.visit(url)
  secrets.set('interaction', page.url.pathname.split('/').at(-1) ?? '')
  secrets.set('form token', page.document.querySelector('input[name="csrf"]')?.getAttribute('value') ?? '')
  await agent.press(page, '#sign-in', { login: person.password, password: 'typed-into-the-wrong-field' })
  secrets.set('wrong password', 'typed-into-the-wrong-field')
  const arrived = await agent.press(page, '#sign-in', { login: person.email, password: person.password })
  const code = arrived.url.searchParams.get('code') ?? ''
  secrets.set('code', code)
  for (const pair of (agent.cookies.header(new URL(provider.issuer)) ?? '').split('; ')) {
    const [name = '', value = ''] = pair.split('=')
    secrets.set(`cookie ${name}`, value)
  }
  const { json: tokens } = await app.exchange(code, verifier)
  const { json: renewed } = await app.refresh(String(tokens['refresh_token']))
  for (const [name, token] of [...Object.entries(tokens), ...Object.entries(renewed)]) {
    if (/token$/.test(name)) secrets.set(`${name} ${String(token).slice(-6)}`, String(token))
  }
  // Everything again where it does not belong, and where it fails.
  const host = new URL(provider.issuer).host
  await app.exchange(code, verifier)
  await app.refresh('x'.repeat(43))
  const bearer = `Bearer ${renewed['access_token']}`
  await ask(provider.port, { path: '/me', headers: { host, authorization: bearer } })
  await ask(provider.port, { path: `/me?access_token=${renewed['access_token']}`, headers: { host } })
  await ask(provider.port, { path: `/nowhere?code=${code}`, headers: { host } })
  await app.post('/token/revocation', { token: String(renewed['refresh_token']) })
  await app.post('/token/introspection', { token: String(renewed['access_token']) })
  await app.token({ grant_type: 'authorization_code', code, client_secret: client.client_secret ?? '' })
  await ask(provider.port, {
    method: 'POST',
    path: '/token',
    headers: { host, authorization: basic(client.client_id, `${client.client_secret}x`), 'content-type': 'text/plain' },
    body: `password=${person.password}`,
  })
  await agent.visit(`${provider.url('/session/end')}?id_token_hint=${tokens['id_token']}`)
  await wait(1_000)
  const log = provider.log()
  expect(log).toContain('sign-in.succeeded')
  expect([...secrets].filter(([, secret]) => secret.length < 8).map(([name]) => name)).toEqual([])
  const told = [...secrets].filter(([, secret]) => log.includes(secret) || log.includes(encodeURIComponent(secret)))
  expect(told.map(([name]) => name)).toEqual([])
  // A token in part is a token to whoever guesses the rest: no signature, no payload.
  expect(log).not.toMatch(/eyJ[\w-]{20,}/)
  expect(log).not.toMatch(/\$argon2id\$/)
})

test('no secret stands in the command line of any process', () => {
  expect(seenCommandLines.size).toBeGreaterThan(3)
  for (const line of seenCommandLines) {
    if (!line.includes('src/main.ts')) continue
    expect(line).not.toContain(kek)
    expect(line).not.toContain(person.password)
    expect(line).not.toContain(database.url)
  }
})

test.each([
  [
    'a key-encryption key that is none',
    { CLAVIGER_KEY_ENCRYPTION_KEY: 'not-32-bytes-but-secret' },
    'not-32-bytes-but-secret',
  ],
  ['a database that is not there', { DATABASE_URL: 'postgres://u:hunter2-secret@127.0.0.1:1/x' }, 'hunter2-secret'],
  ['a database address that is none', { DATABASE_URL: 'nonsense://u:hunter2-secret@' }, 'hunter2-secret'],
  ['another key-encryption key than before', { CLAVIGER_KEY_ENCRYPTION_KEY: 'B'.repeat(43) }, 'B'.repeat(43)],
])('what goes wrong is said without the secret: %s', async (_what, wrong, secret) => {
  const child = spawnClaviger(['start'], {
    CLAVIGER_DATA_DIR: folder,
    DATABASE_URL: database.url,
    CLAVIGER_KEY_ENCRYPTION_KEY: kek,
    CLAVIGER_LOG_LEVEL: 'trace',
    CLAVIGER_PORT: '19499',
    ...wrong,
  })
  const output = captureOutput(child)
  const code = await new Promise<number | null>((resolve) => child.once('close', resolve))
  expect(code).not.toBe(0)
  expect(output.stderr()).toMatch(/claviger: /)
  expect(output.stdout() + output.stderr()).not.toContain(secret)
})

test('a secret given both ways, or by a file that is not there, stops the start by name', async () => {
  const base = { DATABASE_URL: database.url, CLAVIGER_KEY_ENCRYPTION_KEY: kek }
  const missing = await runClaviger(['config', 'show'], {
    DATABASE_URL: database.url,
    CLAVIGER_KEY_ENCRYPTION_KEY_FILE: '/nowhere/kek',
  })
  expect(missing.code).not.toBe(0)
  expect(missing.stderr).toContain('CLAVIGER_KEY_ENCRYPTION_KEY_FILE')
  const both = await runClaviger(['config', 'show'], { ...base, CLAVIGER_KEY_ENCRYPTION_KEY_FILE: join(folder, 'kek') })
  expect(both.code).not.toBe(0)
  expect(both.stderr).toContain('CLAVIGER_KEY_ENCRYPTION_KEY')
  expect(both.stderr).not.toContain(kek)
})
