/** What has expired goes away by itself, and nobody waits for it. */
import type { Agent } from 'node:http'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { openDatabase } from '../../../src/storage/connection/database.ts'
import { removeExpired } from '../../../src/storage/upkeep/housekeeping.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { addClient, addPerson } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { keptAlive } from '../../harness/wire.ts'

const redirectUri = 'https://app.example/callback'
const expiredRows = 40_000

let database: TestDatabase
let provider: Provider
let second: Provider | undefined
let rows: Rows
let app: PlainClient
let agent: Agent
let refreshToken: string

beforeAll(async () => {
  database = await freshDatabase()
  provider = await startProvider({ database })
  rows = await openRows(provider.databaseUrl)
  agent = keptAlive()
  const person = await addPerson(provider)
  const client = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  app = new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port, agent })
  const { url, verifier } = app.start()
  const arrived = await signIn(new UserAgent(provider.issuer), url, person)
  const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  refreshToken = String(json['refresh_token'])
  await rows.query(
    `insert into artifacts (model, id, payload, client_id, expires_at)
     select 6, sha256(n::text::bytea), '{"clientId":"gone"}', 'gone', now() - n * interval '1 second'
       from generate_series(1, $1::int) n`,
    [expiredRows],
  )
  await rows.query(
    `insert into sign_in_attempts (key, failures, last_failure_at, blocked_until, expires_at)
     select sha256(n::text::bytea), 1, now(), now(), now() - interval '1 minute' from generate_series(1, 5000) n`,
  )
  await rows.query(
    `insert into events (at, kind, actor) select now() - interval '401 days', 'sign-in.succeeded', 'x' from generate_series(1, 5000)`,
  )
}, 90_000)

afterAll(async () => {
  agent?.destroy()
  await rows?.close()
  await Promise.all([provider?.stop(), second?.stop()])
  await database?.drop()
})

const expired = () =>
  rows.count(`select (select count(*) from artifacts where expires_at <= now())
                   + (select count(*) from sign_in_attempts where expires_at <= now())
                   + (select count(*) from events where at < now() - interval '400 days')`)

test('a running program removes what has expired from every table by its own schedule, while every refresh succeeds', async () => {
  expect(await expired()).toBeGreaterThanOrEqual(expiredRows + 10_000)
  const live = () => rows.count('select count(*) from artifacts where expires_at > now()')
  const before = await live()
  // The schedule begins at the start of a node: instead of waiting for the next round, another node is started.
  const { CLAVIGER_KEY_ENCRYPTION_KEY = '' } = provider.env
  second = await startProvider({ database, env: { CLAVIGER_KEY_ENCRYPTION_KEY } })
  let answered = 0
  const gone = await eventually(
    async () => {
      for (let turn = 0; turn < 10; turn += 1) {
        const answer = await app.refresh(refreshToken)
        if (answer.status !== 200) throw new Error(`${answer.status} ${answer.text}`)
        refreshToken = String(answer.json['refresh_token'])
        answered += 1
      }
      return (await expired()) === 0 ? true : undefined
    },
    { tries: 400, pauseMs: 50 },
  )
  expect(gone).toBe(true)
  expect(answered).toBeGreaterThan(20)
  // Nothing that lives was taken along: each refresh leaves its used predecessor until that expires.
  expect(await live()).toBeGreaterThanOrEqual(before)
}, 120_000)

test('two nodes clean up at once in batches of at most a thousand rows, neither waiting for a row that is in use', async () => {
  await rows.query(
    `insert into artifacts (model, id, payload, expires_at)
     select 6, sha256(('second' || n)::bytea), '{}', now() - interval '1 hour' from generate_series(1, 20000) n`,
  )
  const [one, other] = [openDatabase({ url: provider.databaseUrl }), openDatabase({ url: provider.databaseUrl })]
  const holder = await openRows(provider.databaseUrl)
  try {
    await holder.query('begin')
    await holder.query(`select from artifacts where id = sha256('second1'::bytea) for update`)
    const options = { eventRetentionSeconds: 86_400 * 400 }
    const now = new Date()
    const removed = await Promise.all([removeExpired(one, now, options), removeExpired(other, now, options)])
    // All but the row that somebody holds, each of them once.
    expect(removed.reduce((sum, { artifacts }) => sum + artifacts, 0)).toBeGreaterThanOrEqual(19_999)
    expect(await rows.count(`select count(*) from artifacts where id = sha256('second1'::bytea)`)).toBe(1)
    await holder.query('commit')
    expect((await removeExpired(one, new Date(), options)).artifacts).toBeGreaterThanOrEqual(1)
  } finally {
    await holder.close()
    await Promise.all([one.close(), other.close()])
  }
})

test('finding what has expired uses an index in every table', async () => {
  await rows.query('set enable_seqscan = off')
  for (const [table, column] of [
    ['artifacts', 'expires_at'],
    ['sign_in_attempts', 'expires_at'],
    ['events', 'at'],
  ]) {
    const plan = await rows.query(
      `explain select ctid from ${table} where ${column} <= now() order by ${column} limit 1000`,
    )
    expect(JSON.stringify(plan)).toMatch(/Index (?:Only )?Scan/)
  }
})
