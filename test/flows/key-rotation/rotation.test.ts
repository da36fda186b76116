/** Three nodes on one Postgres, rotating every few seconds under load, with one of them killed on the way. */
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import type { Client } from 'pg'
import { connectDirectly } from '../../../src/storage/connection/database.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addClient, addPerson } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask } from '../../harness/wire.ts'
import { type RoundRobin, startRoundRobin } from './round-robin.ts'
import { type Services, startServices } from './services.ts'
import type { Verdict } from './verifier-program.ts'

const rotations = 10
/** So long that a request which waits for a busy machine is still short beside them. */
const intervalMs = 4_800
const leadMs = 2_400
const mostMs = 180_000
const redirectUri = 'https://app.example/callback'
const goodbyeUri = 'https://app.example/goodbye'
const apis = { ES256: 'https://orders.example', RS256: 'https://billing.example' } as const
const algorithms = ['ES256', 'RS256'] as const
type Algorithm = (typeof algorithms)[number]

let database: TestDatabase
let front: RoundRobin
let nodes: Provider[] = []
let issuer: string
let env: Record<string, string>
let rows: Rows
let listener: Client
/** When changes of the keys were committed. */
const commits: number[] = []
let service: AddedClient
let services: Services
let app: PlainClient
let signedIn: { browser: UserAgent; idToken: string; refreshToken: string }

const startNode = () => startProvider({ database, env })
const placeOf = (port: () => number) => ({ issuer, redirectUri, port })

beforeAll(async () => {
  database = await freshDatabase()
  front = await startRoundRobin()
  issuer = `http://localhost:${front.port}`
  env = {
    CLAVIGER_ISSUER: issuer,
    CLAVIGER_KEY_ENCRYPTION_KEY: 'r'.repeat(43),
    CLAVIGER_KEY_ROTATION_INTERVAL: `${intervalMs}ms`,
    CLAVIGER_KEY_PUBLISH_LEAD: `${leadMs}ms`,
  }
  nodes = await Promise.all([startNode(), startNode(), startNode()])
  front.use(nodes.map(({ port }) => port))
  rows = await openRows(database.url)
  listener = await connectDirectly({ url: database.url })
  listener.on('notification', ({ payload }) => payload === 'keys' && commits.push(Date.now()))
  await listener.query('listen claviger_changes')
  const [node] = nodes as [Provider]
  await Promise.all(algorithms.map((algorithm) => node.cli(['apis', 'add', apis[algorithm], '--alg', algorithm])))
  const wishes = { redirectUris: [redirectUri], postLogoutRedirectUris: [goodbyeUri], apis: [apis.ES256] }
  const [person, added] = await Promise.all([
    addPerson(node),
    addClient(node, { preset: 'spa', firstParty: true, ...wishes }),
  ])
  service = await addClient(node, { preset: 'service', apis: Object.values(apis) })
  services = await startServices({ issuer, leadMs, audiences: apis })
  app = new PlainClient(
    added,
    placeOf(() => front.port),
  )
  const browser = new UserAgent(issuer)
  const { url, verifier } = app.start()
  const arrived = await signIn(browser, url, person)
  const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  signedIn = { browser, idToken: String(json['id_token']), refreshToken: String(json['refresh_token']) }
}, 240_000)

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  await services?.stop()
  await rows?.close()
  await listener?.end()
  await front?.close()
  await database?.drop()
})

const kidOf = (token: string) => decodeProtectedHeader(token).kid ?? ''

/** Everything that was seen while the keys rotated. */
class Watch {
  readonly failures: string[] = []
  readonly kids = { ES256: new Set<string>(), RS256: new Set<string>() }
  /** When each node was first seen signing with a key. */
  readonly firstSeen = new Map<string, Map<number, number>>()
  readonly old: { token: string; algorithm: Algorithm }[] = []
  readonly verdicts: Promise<Verdict>[] = []
  /** How long token requests took. */
  readonly requestMs: number[] = []
  isOver = false

  failed = (what: string) => (error: unknown) => {
    this.failures.push(`${what}: ${error instanceof Error ? error.message : String(error)}`)
  }

  sign(token: string, algorithm: Algorithm, port: number): void {
    const kid = kidOf(token)
    if (!this.kids[algorithm].has(kid)) this.old.push({ token, algorithm })
    this.kids[algorithm].add(kid)
    const seen = this.firstSeen.get(kid) ?? new Map<number, number>()
    this.firstSeen.set(kid, seen)
    if (!seen.has(port)) seen.set(port, Date.now())
  }
}

const watch = new Watch()

/** Asks one node after the other for tokens and shows each to every verifier. */
async function verifyAllTheWhile(algorithm: Algorithm): Promise<void> {
  let turn = 0
  while (!watch.isOver) {
    const asked = nodes[turn++ % nodes.length] as Provider
    const client = new PlainClient(
      service,
      placeOf(() => asked.port),
    )
    const askedAt = Date.now()
    const answer = await client
      .token({ grant_type: 'client_credentials', resource: apis[algorithm] })
      .catch((error: unknown) => error as Error)
    if (!nodes.includes(asked)) continue // It was killed meanwhile.
    if (answer instanceof Error || answer.status !== 200) {
      watch.failed(`a token of node ${asked.port}`)(answer instanceof Error ? answer : answer.text)
      continue
    }
    watch.requestMs.push(Date.now() - askedAt)
    const token = String(answer.json['access_token'])
    watch.sign(token, algorithm, asked.port)
    watch.verdicts.push(services.judge(token, algorithm))
    await wait(20)
  }
}

/** A person's app that renews all the while, and the browser session behind it. */
async function renewAllTheWhile(): Promise<void> {
  while (!watch.isOver) {
    const answer = await app.refresh(signedIn.refreshToken)
    if (answer.status !== 200) watch.failed('a refresh')(answer.text)
    else signedIn.refreshToken = String(answer.json['refresh_token'])
    const again = await signedIn.browser.visit(app.start({ prompt: 'none' }).url)
    if (!again.url.searchParams.has('code')) watch.failed('a renewal by session')(again.url.href)
    await wait(200)
  }
}

async function killOneOnTheWay(): Promise<void> {
  while (!watch.isOver && watch.kids.ES256.size < rotations / 2) await wait(50)
  const [killed, ...others] = nodes as [Provider, ...Provider[]]
  nodes = others
  front.use(others.map(({ port }) => port))
  await killed.kill()
  const fresh = await startNode()
  nodes = [...others, fresh]
  front.use(nodes.map(({ port }) => port))
  await killed.stop()
}

test(
  `${rotations} scheduled rotations on three nodes, one of them killed: five kinds of verifiers refuse no token`,
  async () => {
    const until = Date.now() + mostMs
    const lanes = [...algorithms.map(verifyAllTheWhile), renewAllTheWhile(), killOneOnTheWay()]
    while (Date.now() < until && algorithms.some((algorithm) => watch.kids[algorithm].size <= rotations))
      await wait(100)
    watch.isOver = true
    await Promise.all(lanes)
    const verdicts = await Promise.all(watch.verdicts)
    watch.failures.push(...verdicts.flatMap(({ failures }) => failures))
    expect(watch.failures).toEqual([])
    for (const algorithm of algorithms) expect(watch.kids[algorithm].size).toBeGreaterThan(rotations)
    expect(verdicts.reduce((sum, { verified }) => sum + verified, 0)).toBeGreaterThan(rotations * 100)
  },
  mostMs + 30_000,
)

test('every node signs with a new key within a second of the commit that promoted it', () => {
  const delays = [...watch.firstSeen.values()].flatMap((seen) => {
    const times = [...seen.values()]
    // Postgres tells of a change when it commits; nobody can have signed with the key before.
    const committedAt = commits.findLast((at) => at <= Math.min(...times))
    return committedAt === undefined ? [] : times.map((time) => time - committedAt)
  })
  expect(delays.length).toBeGreaterThan(rotations * 3)
  // The middle one: a node was killed and another started, and the machine has more to do than this. Each node is asked
  // in its turn, so where it takes long to answer, it also takes long until it is seen.
  const middle = (numbers: number[]) => numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? 0
  expect(middle(delays)).toBeLessThan(Math.max(1_000, 10 * middle(watch.requestMs)))
})

test('one key signs and one waits for each algorithm, and each rotation was done once', async () => {
  for (const algorithm of algorithms) {
    const states = await rows.query<{ state: string; count: number }>(
      `select state::text, count(*)::int as count from signing_keys where alg = $1 group by state order by state`,
      [algorithm],
    )
    expect(states.slice(0, 2)).toEqual([
      { state: 'active', count: 1 },
      { state: 'pending', count: 1 },
    ])
    const overlaps = await rows.count(
      `select count(*) from signing_keys a join signing_keys b using (alg)
        where alg = $1 and a.kid < b.kid and a.active_at is not null and b.active_at is not null
          and tstzrange(a.active_at, a.retired_at) && tstzrange(b.active_at, b.retired_at)`,
      [algorithm],
    )
    expect(overlaps).toBe(0)
  }
})

test('no key signed before it had been published for the lead', async () => {
  const early = await rows.count(
    `select count(*) from signing_keys where active_at < promotable_at and reason <> 'first key'
        and kid not in (select kid from signing_keys where active_at = created_at)`,
  )
  expect(early).toBe(0)
})

test('tokens of every retired key still verify', async () => {
  const verdicts = await Promise.all(watch.old.map(({ token, algorithm }) => services.judge(token, algorithm)))
  expect(verdicts.flatMap(({ failures }) => failures)).toEqual([])
  expect(watch.old.length).toBeGreaterThan(rotations * 2)
})

test('a sign-out with an ID token of a key retired long ago is accepted', async () => {
  const { browser, idToken } = signedIn
  expect(decodeJwt(idToken).iss).toBe(issuer)
  const hint = { id_token_hint: idToken, post_logout_redirect_uri: goodbyeUri }
  const page = await browser.visit(new URL(`${issuer}/session/end?${new URLSearchParams(hint)}`))
  const end = page.left ? page : await browser.press(page, '#sign-out')
  expect(end.url.href).toContain(goodbyeUri)
})

test('all nodes publish the same key set', async () => {
  const { host } = new URL(issuer)
  const same = await eventually(async () => {
    const sets = await Promise.all(nodes.map(({ port }) => ask(port, { path: '/jwks', headers: { host } })))
    return new Set(sets.map(({ headers }) => headers.etag)).size === 1
  })
  expect(same).toBe(true)
})
