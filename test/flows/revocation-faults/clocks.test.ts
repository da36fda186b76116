/** A node whose clock is wrong, and a network that plays back what it heard: neither makes old news new. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { createVerifier, type Fetch, type Verifier } from '../../../src/verifier/verifier.ts'
import { runClaviger } from '../../harness/cli.ts'
import { clockOff, type MovableClock, movableClock } from '../../harness/clock.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { type Nodes, post, type Registered, register, serviceToken, startNodes } from '../../harness/deployment.ts'
import { eventually } from '../../harness/eventually.ts'
import { reachingNodes } from '../../harness/node-paths.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { openDoor } from '../../harness/tcp-door.ts'
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
const verifiers: Verifier[] = []

beforeAll(async () => {
  database = await freshDatabase()
  nodes = await startNodes(database.url, 1)
  registered = await register(nodes)
  clock = movableClock(join(process.env['CLAVIGER_TEST_RUN'] ?? '/tmp', `clock-${process.pid}`))
  const env = { ...nodes.env, ...clock.env, CLAVIGER_MANAGEMENT_PORT: '0' }
  shifted = await startProvider({ database: { url: database.url }, env })
}, minutes)
afterAll(async () => {
  await Promise.all(verifiers.map((verifier) => verifier.close()))
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
  return { status, ...(JSON.parse(text) as object) }
}

async function verifierAt(fetch: Fetch): Promise<Verifier> {
  const { issuer, audience, auth, pinned } = registered.fleet
  const verifier = await createVerifier({ issuer, audience, fetch, revocation: { auth, pinnedFeedKeys: pinned } })
  verifiers.push(verifier)
  return verifier
}

const outcome = async (verifier: Verifier, of: string, sensitivity?: 'high') => {
  const verdict = await verifier.verify({ authorization: `Bearer ${of}` }, sensitivity ? { sensitivity } : {})
  return verdict.ok ? 'accepted' : verdict.reason
}
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

  test('says so: at /health/ready and in its log', async () => {
    expect(await ready(shifted)).toMatchObject({ status: 503, database: true, signingKey: true, clock: false })
    expect(await ready(right())).toMatchObject({ status: 200, clock: true })
    await until(() => shifted.log().includes('"event":"clock.off"'))
  })

  test('stamps its frames with the right time all the same, and forgets nothing before its time', async () => {
    const known = await token()
    expect(await revoke(known)).toBe(200)
    // Snapshot, stream and keys all come from the node whose clock is wrong.
    const verifier = await verifierAt(reachingNodes([shifted.port], 0))
    await until(() => verifier.state === 'FRESH')
    await until(async () => (await outcome(verifier, known)) === 'revoked')
    const later = await token()
    expect(await outcome(verifier, later)).toBe('accepted')
    expect(await revoke(later)).toBe(200)
    await until(async () => (await outcome(verifier, later)) === 'revoked')
    expect(verifier.metrics().framesRefused).toBe(0)
  })

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

/** Plays what it heard again and again to whoever asks for the stream; everything else it passes on. */
class PlayingCache {
  #server: Server | undefined
  frames: string[] = []
  isPlaying = true

  async start(): Promise<number> {
    this.#server = createServer((request, response) => {
      if (!this.isPlaying || !request.url?.startsWith('/revocations/')) return response.writeHead(502).end()
      response.writeHead(200, { 'content-type': 'text/event-stream' })
      const play = () => {
        for (const frame of this.frames) response.write(`data: ${frame}\n\n`)
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

test(
  'a cache that plays old frames again and again makes a verifier STALE, never FRESH; after the heal it refuses what was revoked meanwhile',
  async () => {
    const cache = new PlayingCache()
    const port = await cache.start()
    const door = await openDoor({ port: right().port, host: '127.0.0.1' })
    const through = reachingNodes([door.port], 0)
    const toCache: Fetch = (url, init) => fetch(url.replace(nodes.issuer, `http://127.0.0.1:${port}`), init)
    let isCached = false
    const verifier = await verifierAt((url, init) =>
      (isCached && url.includes('/stream') ? toCache : through)(url, init),
    )
    await verifier.ready()
    const victim = await token()
    expect(await outcome(verifier, victim)).toBe('accepted')

    const { auth } = registered.fleet
    const authorization = `Basic ${Buffer.from(`${auth.clientId}:${auth.clientSecret}`).toString('base64')}`
    const giveUp = new AbortController()
    const recorded = await through(`${nodes.issuer}/revocations/stream`, {
      headers: { authorization },
      signal: giveUp.signal,
    })
    for await (const { data } of readStream(recorded)) if (cache.frames.push(data) === 3) break
    giveUp.abort()

    isCached = true
    await door.close() // cuts the live stream: what can be reached now is the cache
    expect(await revoke(victim)).toBe(200)
    await until(() => verifier.state === 'STALE')
    for (let looks = 0; looks < 20; looks += 1) {
      expect(verifier.state).toBe('STALE')
      // The sensitive do not decide by what may be old.
      expect(await outcome(verifier, victim, 'high')).not.toBe('accepted')
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    cache.isPlaying = false
    cache.stop()
    isCached = false
    await door.open()
    await until(() => verifier.state === 'FRESH')
    await until(async () => (await outcome(verifier, victim)) === 'revoked')
    await verifier.close()
    await door.close()
  },
  minutes,
)
