/**
 * A backup brought to a new host: what was handed out before still works there. Two kinds of copy: the data folder of a
 * stopped Postgres, as for the embedded one; and every row of every table with the triggers asleep, as a dump restores.
 */
import { execFile } from 'node:child_process'
import { randomBytes } from 'node:crypto'
import { mkdtemp, realpath } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createLocalJWKSet, type JSONWebKeySet, jwtVerify } from 'jose'
import { fingerprintOf } from '../../../src/keyring/envelope.ts'
import { embeddedUrl, ensureRunning, postgresFolder } from '../../../src/storage/embedded-postgres.ts'
import { stop } from '../../../src/storage/postgres-process.ts'
import { runClaviger } from '../../harness/cli.ts'
import { emptyDatabase, freshDatabase } from '../../harness/database.ts'
import { addApi, addClient, addPerson } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask } from '../../harness/wire.ts'

const audience = 'https://orders.example'
const redirectUri = 'https://app.example/callback'
/** It moves along to the new host. */
const issuer = 'http://localhost:9400'
const kek = randomBytes(32).toString('base64url')
const printOf = (key: string) => fingerprintOf(Buffer.from(key, 'base64url'))

let env: Record<string, string>
let homes: string[]
let app: PlainClient
let browser: UserAgent
let before: { accessToken: string; refreshToken: string; kids: string[] }
let rowsBefore: Map<string, string[]>
const opened: Provider[] = []

const newHome = async () => realpath(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'host-')))

async function startOn(url: string): Promise<Provider> {
  const provider = await startProvider({ database: { url }, env })
  opened.push(provider)
  return provider
}

const port = () => opened.at(-1)?.port ?? 0

async function keySet(): Promise<JSONWebKeySet> {
  const { text } = await ask(port(), { path: '/jwks', headers: { host: new URL(issuer).host } })
  return JSON.parse(text) as JSONWebKeySet
}

const kidsOf = async () => (await keySet()).keys.map(({ kid = '' }) => kid)

beforeAll(async () => {
  env = { CLAVIGER_ISSUER: issuer, CLAVIGER_KEY_ENCRYPTION_KEY: kek }
  homes = [await newHome(), await newHome()]
  const [home = ''] = homes
  await ensureRunning(home, postgresFolder(home, false))
  const provider = await startOn(await embeddedUrl(home, 'postgres'))
  await addApi(provider, audience)
  const [person, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri], apis: [audience] }),
  ])
  app = new PlainClient(client, { issuer, redirectUri, port })
  browser = new UserAgent(issuer, { port })
  const { url, verifier } = app.start()
  const arrived = await signIn(browser, url, person)
  const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  // A retired key is part of what a backup must bring along.
  await provider.cli(['keys', 'rotate', '--alg', 'ES256', '--now'])
  before = { accessToken: String(json['access_token']), refreshToken: String(json['refresh_token']), kids: [] }
  await provider.stop()
  before.kids = await (async () => {
    const rows = await openRows(provider.databaseUrl)
    const kids = (await rows.query<{ kid: string }>('select kid from signing_keys')).map(({ kid }) => kid)
    rowsBefore = await copyOf(rows)
    await rows.close()
    return kids
  })()
}, 90_000)

afterAll(async () => {
  await Promise.all(opened.map((provider) => provider.stop()))
  await Promise.all(homes.map((home) => stop(postgresFolder(home, false))))
})

/** Every row of every table, as a logical dump holds them. */
async function copyOf(rows: Awaited<ReturnType<typeof openRows>>): Promise<Map<string, string[]>> {
  const tables = await rows.query<{ name: string }>(
    `select quote_ident(tablename) as name from pg_tables where schemaname = 'public' order by 1`,
  )
  const copies = new Map<string, string[]>()
  for (const { name } of tables) {
    const found = await rows.query<{ row: string }>(`select to_jsonb(t)::text as row from ${name} t`)
    copies.set(
      name,
      found.map(({ row }) => row),
    )
  }
  return copies
}

async function expectEverythingWorks(): Promise<void> {
  expect((await kidsOf()).toSorted()).toEqual(before.kids.toSorted())
  await expect(jwtVerify(before.accessToken, createLocalJWKSet(await keySet()), { audience })).resolves.toBeDefined()
  const again = await browser.visit(app.start({ prompt: 'none' }).url)
  expect(again.url.searchParams.get('code')).toEqual(expect.any(String))
  const renewed = await app.refresh(before.refreshToken)
  expect(renewed.status).toBe(200)
}

async function expectWrongKeyStops(url: string): Promise<void> {
  const other = randomBytes(32).toString('base64url')
  const wrong = { ...env, DATABASE_URL: url, CLAVIGER_KEY_ENCRYPTION_KEY: other }
  const { code, stderr } = await runClaviger(['start'], wrong)
  expect(code).toBe(1)
  expect(stderr).toContain(printOf(other))
  expect(stderr).toContain(printOf(kek))
}

describe('the data folder of a stopped Postgres, copied to a new host', () => {
  let url: string

  beforeAll(async () => {
    const [old = '', fresh = ''] = homes
    await stop(postgresFolder(old, false))
    // As an operator would: with owners and modes, which Postgres insists on.
    await promisify(execFile)('cp', ['-a', postgresFolder(old).data, postgresFolder(fresh).data])
    await ensureRunning(fresh, postgresFolder(fresh, false))
    url = await embeddedUrl(fresh, 'postgres')
  }, 60_000)

  test('with another key-encryption key it stops before it serves and names both fingerprints', () =>
    expectWrongKeyStops(url))

  test('with the same one tokens, sessions and refresh tokens from before still work', async () => {
    const provider = await startOn(url)
    await expectEverythingWorks()
    await provider.stop()
  })
})

describe('every row of every table, restored with the triggers asleep', () => {
  test('tokens, sessions and refresh tokens from before still work', async () => {
    const database = await freshDatabase()
    const rows = await openRows(database.url)
    await rows.query(`set session_replication_role = 'replica'`)
    for (const [table, copies] of rowsBefore) {
      await rows.query(`delete from ${table}`)
      for (const copy of copies) {
        await rows.query(
          `insert into ${table} overriding system value select * from jsonb_populate_record(null::${table}, $1)`,
          [copy],
        )
      }
    }
    await rows.close()
    await expectWrongKeyStops(database.url)
    const provider = await startOn(database.url)
    await expectEverythingWorks()
    // The law holds on the restored rows as well: the schedule goes on.
    await provider.cli(['keys', 'rotate', '--now'])
    expect((await kidsOf()).length).toBeGreaterThan(before.kids.length)
  }, 60_000)

  test('an empty database is no backup: the start makes new keys, and old tokens do not verify', async () => {
    const empty = await emptyDatabase()
    await opened.at(-1)?.stop()
    await startOn(empty.url)
    const kids = await kidsOf()
    expect(kids.filter((kid) => before.kids.includes(kid))).toEqual([])
  })
})
