/** Many people sign in at once: some wait, some are asked to come back, and nothing else stands still. */
import { readFile } from 'node:fs/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask, keptAlive } from '../../harness/wire.ts'

const redirectUri = 'https://app.example/callback'
const env = { CLAVIGER_TRUSTED_PROXIES: '127.0.0.0/8,::1/128' }

let provider: Provider
let app: PlainClient
let people: Person[]

beforeAll(async () => {
  provider = await startProvider({ env })
  const client = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  app = new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port })
  const person = await addPerson(provider)
  people = Array.from({ length: 40 }, (_, index) => ({ ...person, email: `twin.${index}@example.com` }))
  const rows = await openRows(provider.databaseUrl)
  // Forty people with one password, without waiting for forty commands.
  await rows.query(
    `with twins as (
       insert into accounts (id, login, email)
       select 'acc_' || lpad(n::text, 32, '0'), 'twin.' || n || '@example.com', 'twin.' || n || '@example.com'
         from generate_series(0, 39) n returning id)
     insert into passwords (account_id, hash)
     select twins.id, hash from twins, passwords join accounts on accounts.id = account_id where login = lower($1)`,
    [person.email],
  )
  await rows.close()
}, 60_000)

afterAll(() => provider?.stop())

/** Opens the page first, so that the passwords arrive together. */
const opened = (count: number, block: number) =>
  Promise.all(
    Array.from({ length: count }, async (_, index) => {
      const source = `10.${block}.${Math.floor(index / 250)}.${(index % 250) + 1}`
      const agent = new UserAgent(provider.issuer, {
        port: () => provider.port,
        headers: { 'x-forwarded-for': source },
      })
      return { agent, page: await agent.visit(app.start().url), person: people[index % people.length] as Person }
    }),
  )

const residentMb = async () => {
  const status = await readFile(`/proc/${provider.pid}/status`, 'utf8')
  return Number(/VmRSS:\s+(\d+) kB/.exec(status)?.[1] ?? 0) / 1024
}

/** Fetches the key set one after the other until the work is done. */
async function jwksDuring(work: Promise<unknown>): Promise<{ statuses: Set<number>; times: number[] }> {
  const agent = keptAlive(1)
  const statuses = new Set<number>()
  const times: number[] = []
  let isOver = false
  const over = work.finally(() => {
    isOver = true
  })
  while (!isOver) {
    const began = performance.now()
    const { status } = await ask(provider.port, {
      path: '/jwks',
      headers: { host: new URL(provider.issuer).host },
      agent,
    })
    times.push(performance.now() - began)
    statuses.add(status)
  }
  await over
  agent.destroy()
  return { statuses, times: times.sort((a, b) => a - b) }
}

test('fifty sign-ins at a time all end in the app, and /jwks keeps answering meanwhile', async () => {
  const visits = await opened(50, 1)
  const all = Promise.all(
    visits.map(({ agent, page, person }) =>
      agent.press(page, '#sign-in', { login: person.email, password: person.password }),
    ),
  )
  const { statuses, times } = await jwksDuring(all)
  expect((await all).map(({ left, status }) => left || status)).toEqual(visits.map(() => true))
  expect(statuses).toEqual(new Set([200]))
  // Hashing on the main thread would stop everything for as long as fifty hashes take.
  expect(times.length).toBeGreaterThan(20)
  expect(times[Math.floor(times.length * 0.95)]).toBeLessThan(250)
})

test('when more come than can wait, the rest hears so at once and may send the same form again', async () => {
  const visits = await opened(140, 2)
  const began = performance.now()
  const answers = Promise.all(
    visits.map(async ({ agent, page, person }) => {
      const answer = await agent.press(page, '#sign-in', { login: person.email, password: person.password })
      return { answer, agent, person, after: performance.now() - began }
    }),
  )
  const { statuses } = await jwksDuring(answers)
  expect(statuses).toEqual(new Set([200]))
  const outcomes = await answers
  const busy = outcomes.filter(({ answer }) => answer.status === 503)
  const through = outcomes.filter(({ answer }) => answer.left)
  expect(busy.length + through.length).toBe(outcomes.length)
  expect(through.length).toBeGreaterThan(40)
  expect(busy.length).toBeGreaterThan(0)
  for (const { answer } of busy) {
    expect(answer.heading).toBe('Sign in')
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
  }
  // Refusals come before the last of those who wait.
  expect(Math.min(...busy.map(({ after }) => after))).toBeLessThan(Math.max(...through.map(({ after }) => after)))
  const [one] = busy
  if (!one) throw new Error('nobody was refused')
  const typed = { login: one.person.email, password: one.person.password }
  expect((await one.agent.press(one.answer, '#sign-in', typed)).left).toBe(true)
})

test('memory stays bounded, and stays where it is from one burst to the next', async () => {
  const burst = async (block: number) => {
    const visits = await opened(40, block)
    await Promise.all(
      visits.map(({ agent, page, person }) =>
        agent.press(page, '#sign-in', { login: person.email, password: person.password }),
      ),
    )
    return residentMb()
  }
  const sizes = [await burst(3), await burst(4), await burst(5)]
  expect(Math.max(...sizes)).toBeLessThan(400)
  expect((sizes[2] ?? 0) - (sizes[0] ?? 0)).toBeLessThan(60)
}, 60_000)
