/** Postgres goes away, by its connections or as a whole: the program says so, waits, and goes on. */
import { mkdtemp, realpath, rm } from 'node:fs/promises'
import type { Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { embeddedUrl, ensureRunning, postgresFolder } from '../../../src/storage/embedded/embedded-postgres.ts'
import { stop } from '../../../src/storage/embedded/postgres-process.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask, keptAlive, type WireAnswer } from '../../harness/wire.ts'

const redirectUri = 'https://app.example/callback'

let home: string
let provider: Provider
let app: PlainClient
let person: Person
let agent: Agent
let host: string

beforeAll(async () => {
  // A server of this test's own, since it is to be stopped.
  home = await realpath(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'outage-')))
  await ensureRunning(home, postgresFolder(home, false))
  provider = await startProvider({ database: { url: await embeddedUrl(home, 'postgres') } })
  host = new URL(provider.issuer).host
  agent = keptAlive()
  person = await addPerson(provider)
  const client = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  app = new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port })
}, 90_000)

afterAll(async () => {
  agent?.destroy()
  await provider?.stop()
  await stop(postgresFolder(home, false))
  await rm(home, { recursive: true, force: true })
})

const get = (path: string) => ask(provider.port, { path, headers: { host, accept: 'text/html' }, agent })
const begin = () => {
  const { pathname, search } = app.start().url
  return get(`${pathname}${search}`)
}
const signInWhole = async () => {
  const { url, verifier } = app.start()
  const arrived = await signIn(new UserAgent(provider.issuer), url, person)
  return app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
}

/** Asks in several lanes until told to stop; every answer is kept by route. */
function underLoad(routes: Record<string, () => Promise<WireAnswer>>) {
  let isOver = false
  const answers: Record<string, WireAnswer[]> = {}
  const lanes = Object.entries(routes).flatMap(([name, request]) =>
    [1, 2, 3].map(async () => {
      while (!isOver) {
        const answer = await request()
        answers[name] = [...(answers[name] ?? []), answer]
        await wait(5)
      }
    }),
  )
  return async () => {
    isOver = true
    await Promise.all(lanes)
    return answers
  }
}

const documents = {
  jwks: () => get('/jwks'),
  discovery: () => get('/.well-known/openid-configuration'),
  live: () => get('/health/live'),
}
const needingDatabase = { authorization: begin, refresh: () => app.refresh('x'.repeat(43)) }

const isBusy = ({ status, headers }: WireAnswer) => status === 503 && Number(headers['retry-after']) > 0

function expectPatience(answers: Record<string, WireAnswer[]>): void {
  for (const name of Object.keys(documents)) {
    expect(answers[name]?.length).toBeGreaterThan(5)
    expect(new Set(answers[name]?.map(({ status }) => status))).toEqual(new Set([200]))
  }
  const wrong = [
    ...(answers['authorization'] ?? []).filter((answer) => answer.status !== 303 && !isBusy(answer)),
    ...(answers['refresh'] ?? []).filter((answer) => answer.status !== 400 && !isBusy(answer)),
  ]
  expect(wrong.map(({ status, text }) => `${status} ${text.slice(0, 200)}`)).toEqual([])
  for (const { text } of Object.values(answers).flat()) expect(text).not.toMatch(/postgres|ECONN|terminat| at .*:\d+/i)
}

/** Five seconds are promised. */
async function recovers(): Promise<boolean> {
  for (let tries = 0; tries < 50; tries += 1) {
    const [started, refreshed, ready] = await Promise.all([begin(), app.refresh('x'), get('/health/ready')])
    if (started.status === 303 && refreshed.status === 400 && ready.status === 200) return true
    await wait(100)
  }
  return false
}

describe('every connection to Postgres ended at once, again and again, under load', () => {
  test('the process lives, requests that need the database answer 503 with Retry-After, and it recovers within 5 seconds', async () => {
    const finish = underLoad({ ...documents, ...needingDatabase })
    const rows = await openRows(provider.databaseUrl)
    for (let blow = 0; blow < 15; blow += 1) {
      await rows.query(
        `select pg_terminate_backend(pid) from pg_stat_activity
          where application_name like 'claviger%' and pid <> pg_backend_pid()`,
      )
      await wait(100)
    }
    await rows.close()
    expectPatience(await finish())
    expect(await recovers()).toBe(true)
    expect((await signInWhole()).status).toBe(200)
    expect(() => process.kill(provider.pid, 0)).not.toThrow()
  })

  test('changes by a command are seen again afterwards, within a second', async () => {
    const added = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
    const later = new PlainClient(added, { issuer: provider.issuer, redirectUri, port: () => provider.port })
    const page = await new UserAgent(provider.issuer).visit(later.start().url)
    expect(page.heading).toBe('Sign in')
  })
})

describe('Postgres stopped and started again', () => {
  test('meanwhile /jwks and discovery answer, ready is 503, live is 200, and all works again within 5 seconds', async () => {
    const tokens = await signInWhole()
    expect(tokens.status).toBe(200)
    await stop(postgresFolder(home, false))
    const finish = underLoad({ ...documents, ...needingDatabase })
    await wait(1_500)
    expect((await get('/health/ready')).status).toBe(503)
    const page = await get('/account')
    expect([200, 503]).toContain(page.status)
    const answers = await finish()
    expectPatience(answers)
    expect(answers['authorization']?.every(isBusy)).toBe(true)
    expect(answers['refresh']?.every(isBusy)).toBe(true)
    await ensureRunning(home, postgresFolder(home, false))
    expect(await recovers()).toBe(true)
    // What was given out before the stop still holds.
    expect((await app.refresh(String(tokens.json['refresh_token']))).status).toBe(200)
    expect((await signInWhole()).status).toBe(200)
    expect(() => process.kill(provider.pid, 0)).not.toThrow()
  })

  test('a person who was typing a password meanwhile gets a page that says when to try again, and then signs in', async () => {
    const browser = new UserAgent(provider.issuer)
    const page = await browser.visit(app.start().url)
    await stop(postgresFolder(home, false))
    const typed = { login: person.email, password: person.password }
    const sorry = await browser.press(page, '#sign-in', typed)
    expect([sorry.status, sorry.heading]).toEqual([503, 'This request cannot be completed'])
    expect(Number(sorry.headers['retry-after'])).toBeGreaterThan(0)
    await ensureRunning(home, postgresFolder(home, false))
    expect(await recovers()).toBe(true)
    expect((await browser.press(page, '#sign-in', typed)).left).toBe(true)
  })
})
