/** A node whose clock is wrong, and a network that plays back what it heard: neither makes old news new. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { runClaviger } from '../../harness/cli.ts'
import { clockOff, type MovableClock, movableClock } from '../../harness/clock.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { type Nodes, post, type Registered, register, serviceToken, startNodes } from '../../harness/deployment.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort } from '../../harness/free-port.ts'
import { basic } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { openDoor } from '../../harness/tcp-door.ts'
import { type SeenVerifier, VerifierFleet } from '../../harness/verifier-fleet.ts'
import { ask } from '../../harness/wire.ts'
import { readStream } from '../revocation/feed-reader.ts'

const patiently = { tries: 900, pauseMs: 50 }
const minutes = 180_000
const aDay = 86_400

let database: TestDatabase
let nodes: Nodes
let registered: Registered
let clock: MovableClock
/** Of two nodes of one issuer, the one whose clock somebody sets. */
let shifted: Provider
let managementPort: number
const fleets: VerifierFleet[] = []

beforeAll(async () => {
  database = await freshDatabase()
  nodes = await startNodes(database.url, 1)
  registered = await register(nodes)
  clock = movableClock(join(process.env['CLAVIGER_TEST_RUN'] ?? '/tmp', `clock-${process.pid}`))
  managementPort = await freePort()
  const env = { ...nodes.env, ...clock.env, CLAVIGER_MANAGEMENT_PORT: String(managementPort) }
  shifted = await startProvider({ database: { url: database.url }, env })
}, minutes)
afterAll(async () => {
  await Promise.all(fleets.map((fleet) => fleet.stop()))
  await shifted?.stop()
  await nodes?.stop()
  await database?.drop()
}, minutes)

const right = () => nodes.nodes[0] as Provider
const token = () => serviceToken(right(), registered.service)
const ready = async (node: Provider) => {
  const { status, text } = await ask(node.port, {
    path: '/health/ready',
    headers: { host: new URL(nodes.issuer).host },
  })
  return { ...(JSON.parse(text) as object), status }
}

/** One verifier in a process of its own, which goes by this port alone. */
async function verifierAt(port: number): Promise<VerifierFleet> {
  const fleet = await VerifierFleet.start({ ...registered.fleet, ports: [port] }, 1, 1)
  fleets.push(fleet)
  return fleet
}

const seen = async (fleet: VerifierFleet, ...tokens: string[]): Promise<SeenVerifier> =>
  (await fleet.look(tokens))[0] as SeenVerifier
const outcome = async (fleet: VerifierFleet, of: string) => (await seen(fleet, of)).outcomes[0]
const until = async (isSo: () => boolean | Promise<boolean>) =>
  expect(await eventually(async () => (await isSo()) || undefined, patiently)).toBe(true)
const revoke = async (what: string) =>
  (await post(right(), '/token/revocation', registered.service, { token: what })).status

describe.each([
  ['5 seconds ahead', 5],
  ['5 seconds behind', -5],
  ['a day ahead', aDay],
])('a node whose clock is set %s', (_, seconds) => {
  beforeAll(async () => {
    await clock.set(shifted.pid, seconds)
    await until(async () => (await ready(shifted)).status === 503)
  }, minutes)

  test('issues no token: 503 with Retry-After, and the others go on', async () => {
    const form = { grant_type: 'client_credentials' }
    const answer = await post(shifted, '/token', registered.service, form)
    expect(answer.status).toBe(503)
    expect(Number(answer.headers['retry-after'])).toBeGreaterThan(0)
    expect(JSON.parse(answer.text)).toMatchObject({ error: 'temporarily_unavailable' })
    expect((await post(right(), '/token', registered.service, form)).status).toBe(200)
  })

  test('says so: at /health/ready, in its log and in its metrics', async () => {
    expect(await ready(shifted)).toMatchObject({ status: 503, database: true, signingKey: true, clock: false })
    expect(await ready(right())).toMatchObject({ status: 200, clock: true })
    await until(() => shifted.log().includes('"event":"clock.off"'))
    const metrics = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text()
    const offset = Number(/^claviger_clock_offset_seconds (\S+)$/m.exec(metrics)?.[1])
    expect(Math.abs(offset - seconds)).toBeLessThan(2)
  })

  test(
    'stamps its frames with the right time all the same, and forgets nothing before its time',
    async () => {
      const known = await token()
      expect(await revoke(known)).toBe(200)
      // Snapshot, stream and keys all come from the node whose clock is wrong.
      const verifier = await verifierAt(shifted.port)
      await until(async () => (await seen(verifier)).state === 'FRESH')
      await until(async () => (await outcome(verifier, known)) === 'revoked')
      const later = await token()
      expect(await outcome(verifier, later)).toBe('accepted')
      expect(await revoke(later)).toBe(200)
      await until(async () => (await outcome(verifier, later)) === 'revoked')
      expect(await seen(verifier)).toMatchObject({ state: 'FRESH', framesRefused: 0 })
    },
    minutes,
  )

  test('issues again once the clock is right', async () => {
    await clock.set(shifted.pid, 0)
    await until(async () => (await ready(shifted)).status === 200)
    const issued = await serviceToken(shifted, registered.service)
    expect(Math.abs((decodeJwt(issued).iat ?? 0) - Date.now() / 1000)).toBeLessThan(5)
  })
})

test(
  'doctor says that the clocks of machine and database differ',
  async () => {
    const env = { ...shifted.env, ...clockOff(5) }
    const { code, stdout } = await runClaviger(['doctor', '--json'], env)
    const { checks } = JSON.parse(stdout) as { checks: { name: string; outcome: string; mend: string }[] }
    expect(code).toBe(1)
    expect(checks.find(({ name }) => name === 'clock')).toMatchObject({
      outcome: 'failed',
      mend: expect.stringMatching(/NTP/),
    })
  },
  minutes,
)

/** Plays what was recorded again and again to whoever asks for the stream, and knows nothing else. */
class PlayingCache {
  readonly #frames: readonly string[]
  #server: Server | undefined
  plays = 0

  constructor(frames: readonly string[]) {
    this.#frames = frames
  }

  async start(): Promise<number> {
    this.#server = createServer((request, response) => {
      if (!request.url?.startsWith('/revocations/stream')) return response.writeHead(502).end()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const play = () => {
        this.plays += 1
        for (const frame of this.#frames) response.write(`data: ${frame}\n\n`)
      }
      play()
      const playing = setInterval(play, 200)
      response.on('close', () => clearInterval(playing))
    })
    await new Promise<void>((resolve) => this.#server?.listen(0, '127.0.0.1', resolve))
    return (this.#server.address() as AddressInfo).port
  }

  stop(): void {
    this.#server?.closeAllConnections()
    this.#server?.close()
  }
}

/** Frames as anybody with credentials can record them. */
async function recorded(count: number): Promise<string[]> {
  const { clientId, clientSecret } = registered.fleet.auth
  const headers = { authorization: basic(clientId, clientSecret) }
  const giveUp = new AbortController()
  const frames: string[] = []
  const answer = await fetch(`${nodes.issuer}/revocations/stream`, { headers, signal: giveUp.signal })
  for await (const { data } of readStream(answer)) if (frames.push(data) === count) break
  giveUp.abort()
  return frames
}

test(
  'a cache that plays old frames again and again makes a verifier STALE, never FRESH; after the heal it refuses what was revoked meanwhile',
  async () => {
    const door = await openDoor({ port: right().port, host: '127.0.0.1' })
    const verifier = await verifierAt(door.port)
    const victim = await token()
    expect(await outcome(verifier, victim)).toBe('accepted')
    const cache = new PlayingCache(await recorded(3))
    door.lead({ port: await cache.start(), host: '127.0.0.1' })
    await door.close()
    await door.open()
    expect(await revoke(victim)).toBe(200)
    await until(async () => (await seen(verifier)).state === 'STALE')
    const plays = cache.plays
    await until(async () => {
      expect((await seen(verifier)).state).toBe('STALE')
      // The sensitive do not decide by what may be old.
      const [sensitive] = await verifier.look([victim], { sensitivity: 'high' })
      expect(sensitive?.outcomes).toEqual(['unavailable'])
      return cache.plays > plays + 10
    })
    door.lead({ port: right().port, host: '127.0.0.1' })
    await door.close()
    await door.open()
    cache.stop()
    await until(async () => (await seen(verifier)).state === 'FRESH')
    await until(async () => (await outcome(verifier, victim)) === 'revoked')
    await verifier.stop()
    await door.close()
  },
  minutes,
)
