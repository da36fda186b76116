/** Two nodes behind a balancer that asks /health/ready; nodes are replaced while people sign in. */
import { cp, mkdtemp, writeFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { migrate, migrationsFolder } from '../../../src/storage/schema/migrations.ts'
import { runClaviger } from '../../harness/cli.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask } from '../../harness/wire.ts'

const issuer = 'https://id.example'
const redirectUri = 'https://app.example/callback'

let database: TestDatabase
let nodes: Provider[] = []
let balancer: Balancer
let app: PlainClient
let person: Person
let env: Record<string, string>

/** Round robin over the ports it was given, asking each for its readiness all the time, as balancers do. */
class Balancer {
  #ports: number[] = []
  #fit: number[] = []
  #turn = 0
  #isOver = false
  #server: Server | undefined
  #watching: Promise<void> | undefined

  async start(): Promise<void> {
    this.#server = createServer((incoming, outgoing) => {
      const port = this.#fit[this.#turn++ % Math.max(1, this.#fit.length)]
      const { method, url: path, headers } = incoming
      const inner = request({ host: '127.0.0.1', port, method, path, headers, agent: false }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      inner.on('error', (error) => outgoing.writeHead(502).end(error.message))
      incoming.pipe(inner)
    })
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve))
    this.#watching = this.#watch()
  }

  get port(): number {
    return (this.#server?.address() as AddressInfo | undefined)?.port ?? 0
  }

  async use(ports: number[]): Promise<void> {
    this.#ports = ports
    await this.#look()
  }

  async stop(): Promise<void> {
    this.#isOver = true
    await this.#watching
    this.#server?.closeAllConnections()
    await new Promise((resolve) => this.#server?.close(resolve))
  }

  async #watch(): Promise<void> {
    while (!this.#isOver) {
      await this.#look()
      await wait(100)
    }
  }

  async #look(): Promise<void> {
    const ready = await Promise.all(
      this.#ports.map((port) =>
        ask(port, { path: '/health/ready', headers: { host: 'id.example' } }).then(
          ({ status }) => status === 200,
          () => false,
        ),
      ),
    )
    this.#fit = this.#ports.filter((_, index) => ready[index])
  }
}

const startNode = () => startProvider({ database, env })

beforeAll(async () => {
  database = await freshDatabase()
  env = { CLAVIGER_ISSUER: issuer, CLAVIGER_KEY_ENCRYPTION_KEY: 'k'.repeat(43) }
  const first = await startNode()
  // In production a node that was told to stop serves on until balancers have noticed; only a migrated database is served there.
  env = { ...env, NODE_ENV: 'production' }
  await first.stop()
  nodes = await Promise.all([startNode(), startNode()])
  balancer = new Balancer()
  await balancer.start()
  await balancer.use(nodes.map(({ port }) => port))
  const [node] = nodes as [Provider]
  person = await addPerson(node)
  const client = await addClient(node, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  app = new PlainClient(client, { issuer, redirectUri, port: () => balancer.port })
}, 120_000)

afterAll(async () => {
  await balancer?.stop()
  await Promise.all(nodes.map((node) => node.stop()))
  await database?.drop()
})

const browserAt = (port: () => number) => new UserAgent(issuer, { port })

/** Sign-in, tokens, two refreshes. @throws with what went wrong */
async function wholeFlow(port: () => number): Promise<void> {
  const browser = browserAt(port)
  const { url, verifier } = app.start()
  const page = await browser.visit(url)
  if (page.status !== 200) throw new Error(`page: ${page.way.join(' ')} ${page.text.slice(0, 300)}`)
  const arrived = await browser.press(page, '#sign-in', { login: person.email, password: person.password })
  if (!arrived.left) throw new Error(`sign-in: ${arrived.way.join(' ')} ${arrived.text.slice(0, 300)}`)
  let tokens = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  for (let turn = 0; turn < 2 && tokens.status === 200; turn += 1) {
    tokens = await app.refresh(String(tokens.json['refresh_token']))
  }
  if (tokens.status !== 200) throw new Error(`tokens: ${tokens.status} ${tokens.text.slice(0, 300)}`)
}

test('a sign-in that began on one node ends on another, at every step', async () => {
  const [one, other] = nodes as [Provider, Provider]
  const ports = [one.port, other.port]
  let turn = 0
  for (const pattern of [
    [0, 1],
    [1, 0],
    [0, 0, 1],
    [1, 1, 0],
  ]) {
    await wholeFlow(() => ports[pattern[turn++ % pattern.length] ?? 0] ?? 0)
  }
})

/** Goes through flows until `work` is done, in three lanes. Returns how many succeeded, and how others failed. */
async function flowsDuring(work: () => Promise<void>): Promise<{ flows: number; failures: string[] }> {
  let isOver = false
  let flows = 0
  const failures: string[] = []
  const lanes = [1, 2, 3].map(async () => {
    while (!isOver) {
      await wholeFlow(() => balancer.port).then(
        () => (flows += 1),
        (error: unknown) => failures.push(String(error)),
      )
    }
  })
  await work().finally(() => {
    isOver = true
  })
  await Promise.all(lanes)
  return { flows, failures }
}

test('nodes replaced one after the other under load: not one sign-in or refresh fails', async () => {
  const { flows, failures } = await flowsDuring(async () => {
    for (let round = 0; round < 2; round += 1) {
      const [leaving, staying] = nodes as [Provider, Provider]
      const goodbye = leaving.stop()
      const next = await startNode()
      await balancer.use([leaving.port, staying.port, next.port])
      expect(await goodbye).toBe(0)
      nodes = [staying, next]
      await balancer.use(nodes.map(({ port }) => port))
    }
  })
  expect(failures).toEqual([])
  expect(flows).toBeGreaterThan(10)
}, 90_000)

test('a node that was told to stop says first that it is not ready, goes on serving, then ends with exit code 0', async () => {
  const node = await startNode()
  const health = (path: string) => ask(node.port, { path, headers: { host: 'id.example' } })
  expect((await health('/health/ready')).status).toBe(200)
  const goodbye = node.stop()
  let draining: number | undefined
  for (let tries = 0; tries < 40 && draining !== 503; tries += 1) {
    draining = (await health('/health/ready')).status
    await wait(25)
  }
  expect(draining).toBe(503)
  expect((await health('/health/live')).status).toBe(200)
  expect((await health('/jwks')).status).toBe(200)
  await wholeFlow(() => node.port)
  expect(await goodbye).toBe(0)
}, 60_000)

/** The migrations of this release, and one that does to every table what the next may do. */
async function nextRelease(): Promise<string> {
  const folder = await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'next-release-'))
  await cp(migrationsFolder, folder, { recursive: true })
  const rows = await openRows(database.url)
  const tables = await rows.query<{ name: string }>(
    `select quote_ident(relname) as name from pg_class where relnamespace = 'public'::regnamespace and relkind in ('r', 'p') and not relispartition`,
  )
  await rows.close()
  expect(tables.length).toBeGreaterThan(15)
  const sql = tables.map(({ name }) => `alter table ${name} add column later text default 'later';`)
  await writeFile(join(folder, '900001-more.sql'), [...sql, 'create table next_thing (id int);'].join('\n'))
  return folder
}

test('the previous release runs on the new schema: nodes go on while it is migrated, and others start on it', async () => {
  const folder = await nextRelease()
  const { flows, failures } = await flowsDuring(async () => {
    await wait(500)
    expect(await migrate({ url: database.url }, { folder })).toEqual(['900001-more'])
    const next = await startNode()
    await balancer.use([...nodes, next].map(({ port }) => port))
    nodes.push(next)
    expect(next.log()).toContain('The schema is that of a newer release')
    await wait(1_000)
  })
  expect(failures).toEqual([])
  expect(flows).toBeGreaterThan(3)
  const again = await runClaviger(['migrate', '--status'], { ...env, DATABASE_URL: database.url })
  expect(again).toMatchObject({ code: 0, stdout: expect.stringContaining('900001-more') })
  expect(again.stdout).toContain('by a newer release')
}, 90_000)
