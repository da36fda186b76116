/** The key-encryption key: wrong, missing, replaced while nodes serve. */
import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, stat, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { fingerprintOf } from '../../../src/keyring/envelope.ts'
import { runClaviger } from '../../harness/cli.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { addClient, addPerson } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const newKek = () => randomBytes(32).toString('base64url')
const printOf = (kek: string) => fingerprintOf(Buffer.from(kek, 'base64url'))

let database: TestDatabase
let file: string
let first: string
let env: Record<string, string>
let nodes: Provider[] = []
let app: PlainClient
let browser: UserAgent
let refreshToken: string

const startNode = (more: Record<string, string> = {}) => startProvider({ database, env: { ...env, ...more } })

beforeAll(async () => {
  database = await freshDatabase()
  const folder = await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'kek-'))
  file = join(folder, 'kek')
  first = newKek()
  await writeFile(file, `${first}\n`, { mode: 0o600 })
  // The harness would give a key of its own; an empty variable is none.
  env = { CLAVIGER_KEY_ENCRYPTION_KEY: '', CLAVIGER_KEY_ENCRYPTION_KEY_FILE: file }
  const node = await startNode()
  env = { ...env, CLAVIGER_ISSUER: node.issuer }
  nodes = [node, await startNode()]
  const client = await addClient(node, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  let turn = 0
  app = new PlainClient(client, {
    issuer: node.issuer,
    redirectUri,
    port: () => nodes[turn++ % nodes.length]?.port ?? 0,
  })
  browser = new UserAgent(node.issuer, { port: () => nodes[turn++ % nodes.length]?.port ?? 0 })
  const { url, verifier } = app.start()
  const arrived = await signIn(browser, url, await addPerson(node))
  const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  refreshToken = String(json['refresh_token'])
}, 60_000)

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  await database?.drop()
})

async function expectEverybodySignedIn(): Promise<void> {
  for (let turn = 0; turn < 4; turn += 1) {
    const renewed = await app.refresh(refreshToken)
    expect(renewed.status).toBe(200)
    refreshToken = String(renewed.json['refresh_token'])
    const again = await browser.visit(app.start({ prompt: 'none' }).url)
    expect(again.url.searchParams.get('code')).toEqual(expect.any(String))
  }
}

const [node, start] = [
  () => nodes[0] as Provider,
  (more: Record<string, string>) => runClaviger(['start'], { ...node().env, ...more }),
]

test('a start with another key-encryption key exits 1, names the variable and both fingerprints, and changes nothing', async () => {
  const other = newKek()
  const { code, stderr } = await start({ CLAVIGER_KEY_ENCRYPTION_KEY: other, CLAVIGER_KEY_ENCRYPTION_KEY_FILE: '' })
  expect(code).toBe(1)
  expect(stderr).toContain('CLAVIGER_KEY_ENCRYPTION_KEY')
  expect(stderr).toContain(printOf(other))
  expect(stderr).toContain(printOf(first))
  expect(stderr).not.toContain(other)
})

test('in production a missing one stops the start, and none is invented', async () => {
  const nowhere = join(file, '..', 'missing')
  const { code, stderr } = await start({ NODE_ENV: 'production', CLAVIGER_KEY_ENCRYPTION_KEY_FILE: nowhere })
  expect([code, stderr]).toEqual([1, expect.stringContaining('CLAVIGER_KEY_ENCRYPTION_KEY_FILE names')])
  await expect(stat(nowhere)).rejects.toThrow('ENOENT')
})

test('a rehearsal of its rotation changes neither the file nor the database', async () => {
  const told = await node().cli<{ rows: number; previous: string[] }>(['secrets', 'rotate', '--yes', '--dry-run'])
  expect(told).toMatchObject({ dry_run: true, previous: [printOf(first)] })
  expect(told.rows).toBeGreaterThan(5)
  expect((await readFile(file, 'utf8')).trim()).toBe(first)
})

test('it is rotated while nodes serve: everything rests under a new one, the old one is kept, nobody is signed out', async () => {
  const done = await node().cli<{ fingerprint: string; previous_kept_in: string }>(['secrets', 'rotate', '--yes'])
  const second = (await readFile(file, 'utf8')).trim()
  expect(second).not.toBe(first)
  expect(done.fingerprint).toBe(printOf(second))
  expect((await stat(file)).mode & 0o777).toBe(0o600)
  expect((await readFile(done.previous_kept_in, 'utf8')).trim()).toBe(first)
  await expectEverybodySignedIn()
  // The nodes that were there go on making keys, and a new node starts.
  await node().cli(['keys', 'rotate', '--now'])
  nodes.push(await startNode())
  await expectEverybodySignedIn()
  const old = await start({ CLAVIGER_KEY_ENCRYPTION_KEY: first, CLAVIGER_KEY_ENCRYPTION_KEY_FILE: '' })
  expect([old.code, old.stderr]).toEqual([1, expect.stringContaining(printOf(second))])
})

test('with the new one and the old one configured, the rotation takes the new one that was brought', async () => {
  const second = (await readFile(file, 'utf8')).trim()
  const third = newKek()
  await writeFile(file, `${third}\n${second}\n`)
  const done = await node().cli<{ fingerprint: string; previous: string[] }>(['secrets', 'rotate', '--yes'])
  expect(done).toMatchObject({ fingerprint: printOf(third), previous: [printOf(second)] })
  await writeFile(file, `${third}\n`)
  await expectEverybodySignedIn()
  const { code, stderr } = await node().command(['doctor'])
  expect(`${code} ${stderr}`).not.toContain('wrapped under')
})

test('a new cookie key verifies at once and signs later; nobody is signed out', async () => {
  const { signs_in_seconds: seconds } = await node().cli<{ signs_in_seconds: number }>([
    'secrets',
    'rotate',
    '--cookies',
  ])
  expect(seconds).toBe(60)
  await expectEverybodySignedIn()
})

test('no log line, no error and no process title holds a key', async () => {
  const keks = [first, (await readFile(file, 'utf8')).trim()]
  for (const one of nodes) {
    const titles = await readFile(`/proc/${one.pid}/cmdline`, 'utf8')
    for (const kek of keks) expect(`${one.log()} ${titles}`).not.toContain(kek)
    expect(one.log()).not.toMatch(/"d":"/)
  }
})
