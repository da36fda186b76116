/** The first administrator, and one who is locked out: by command alone, proved by a real sign-in. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { runClaviger } from '../../harness/cli.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { addClient } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const email = 'root@example.org'
const first = 'a-first-password-of-some-length'
const second = 'quite-another-password-of-length'

let database: TestDatabase
let rows: Rows
let env: Record<string, string>
let provider: Provider | undefined
let app: PlainClient

beforeAll(async () => {
  database = await freshDatabase()
  rows = await openRows(database.url)
  env = {
    DATABASE_URL: database.url,
    CLAVIGER_KEY_ENCRYPTION_KEY: 'k'.repeat(43),
    CLAVIGER_ISSUER: 'http://localhost:9400',
  }
}, 60_000)

afterAll(async () => {
  await provider?.stop()
  await rows?.close()
  await database?.drop()
})

const command = (args: string[], stdin = '') => runClaviger(args, env, stdin)

async function start(): Promise<Provider> {
  const node = await startProvider({ database, env: { CLAVIGER_KEY_ENCRYPTION_KEY: 'k'.repeat(43) } })
  provider = node
  const client = await addClient(node, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  app = new PlainClient(client, { issuer: node.issuer, redirectUri, port: () => node.port })
  return node
}

async function signsIn(password: string): Promise<boolean> {
  if (!provider) throw new Error('nothing serves')
  return (await signIn(new UserAgent(provider.issuer), app.start().url, { email, password })).left
}

describe('with the server down', () => {
  test('there is nobody, and no password that was there before', async () => {
    expect(await rows.count('select count(*) from accounts')).toBe(0)
    expect(await rows.count('select count(*) from passwords')).toBe(0)
  })

  test('the first administrator is created by command alone, the password from stdin', async () => {
    const made = await command(['admin', 'create', email, '--password-stdin', '--json'], `${first}\n`)
    expect(made.code).toBe(0)
    expect(JSON.parse(made.stdout)).toMatchObject({ email, admin: true })
    expect(made.stdout + made.stderr).not.toContain(first)
  })

  test.each([
    ['a second time', ['admin', 'create', email, '--password-stdin'], first, 1],
    ['with a short password', ['admin', 'create', 'other@example.org', '--password-stdin'], 'short', 2],
    ['with no password at all', ['admin', 'create', 'other@example.org', '--password-stdin'], '', 2],
    ['with a name that is none', ['admin', 'create', 'nonsense', '--password-stdin'], first, 2],
    ['with the password on the command line', ['admin', 'create', 'other@example.org', '--password', first], '', 2],
    ['for resetting somebody who is not there', ['admin', 'reset', 'nobody@example.org', '--password-stdin'], first, 1],
    ['for unlocking somebody who is not there', ['admin', 'unlock', 'nobody@example.org'], '', 1],
  ])('what fails exits non-zero, says why, and changes nothing: %s', async (_what, args, stdin, code) => {
    const state = () => rows.query('select a.*, p.hash from accounts a left join passwords p on p.account_id = a.id')
    const before = await state()
    const failed = await command(args, `${stdin}\n`)
    expect(failed.code).toBe(code)
    expect(failed.stderr).toMatch(/^claviger: /)
    expect(failed.stderr).not.toMatch(/ at .*:\d+:\d+/)
    expect(await state()).toEqual(before)
  })

  test('without a database the command exits non-zero and says so', async () => {
    const args = ['admin', 'create', 'other@example.org', '--password-stdin']
    const away = await runClaviger(args, { ...env, DATABASE_URL: 'postgres://nobody@127.0.0.1:1/none' }, `${first}\n`)
    expect(away.code).toBe(1)
    expect(away.stderr).toMatch(/database/i)
  })
})

describe('with the server up', () => {
  test('who was created while it was down signs in', async () => {
    await start()
    expect(await signsIn(first)).toBe(true)
  })

  test('a reset works at once: the new password signs in and the old one does not', async () => {
    const reset = await command(['admin', 'reset', email, '--password-stdin', '--json'], `${second}\n`)
    expect(reset.code).toBe(0)
    expect(await signsIn(second)).toBe(true)
    expect(await signsIn(first)).toBe(false)
  })

  test('neither a restart nor an upgrade changes a password', async () => {
    const hashes = () => rows.query('select hash from passwords')
    const before = await hashes()
    await provider?.stop()
    expect((await command(['migrate'])).code).toBe(0)
    await start()
    expect(await hashes()).toEqual(before)
    expect(await signsIn(second)).toBe(true)
  })

  test('an administrator whom strangers have locked out is let in again by one command', async () => {
    for (let guess = 0; guess < 14; guess += 1) await signsIn(`wrong password number ${guess}`)
    // The first wait is a second, which may be over on a busy machine.
    await rows.query(
      `update sign_in_attempts set blocked_until = now() + interval '5 minutes' where blocked_until > last_failure_at`,
    )
    expect(await signsIn(second)).toBe(false)
    expect((await command(['admin', 'unlock', email])).code).toBe(0)
    expect(await signsIn(second)).toBe(true)
  })

  test('a disabled administrator gets back in by one command', async () => {
    expect((await command(['users', 'disable', email])).code).toBe(0)
    expect(await signsIn(second)).toBe(false)
    expect((await command(['users', 'enable', email])).code).toBe(0)
    expect(await signsIn(second)).toBe(true)
  })
})
