/** Three nodes on one database with compressed times, signing all the while, and verifiers that cache. */
import { randomBytes } from 'node:crypto'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { createLocalJWKSet, type JWTVerifyGetKey, jwtVerify } from 'jose'
import { Envelope } from '../../src/keyring/envelope.ts'
import type { KeyTimes } from '../../src/keyring/key-times.ts'
import { LocalKeyVault } from '../../src/keyring/key-vault.ts'
import { Keyring } from '../../src/keyring/keyring.ts'
import { LiveKeySet } from '../../src/keyring/live-key-set.ts'
import { Changes } from '../../src/storage/connection/changes.ts'
import { type Database, openDatabase } from '../../src/storage/connection/database.ts'
import { PostgresKeyStore } from '../../src/storage/keys/key-store.ts'
import { freshDatabase, type TestDatabase } from '../harness/database.ts'

const ROTATIONS = 3
const times: KeyTimes = {
  rotationIntervalSeconds: 2.5,
  publishLeadSeconds: 1,
  longestTokenSeconds: 2,
  longestSessionSeconds: 2,
  skewSeconds: 1,
}

interface Node {
  keyring: Keyring
  live: LiveKeySet
  stop(): Promise<void>
}

let database: TestDatabase
let kek: Uint8Array
let nodes: Node[]
const troubles: unknown[] = []

async function startNode(clockAheadSeconds: number): Promise<Node> {
  const db: Database = openDatabase({ url: database.url, poolSize: 2 })
  const changes = new Changes({ database: { url: database.url }, onTrouble: (error) => troubles.push(error) })
  await changes.start()
  const store = new PostgresKeyStore(db)
  const vault = new LocalKeyVault(await Envelope.open(() => [kek]))
  const keyring = new Keyring({ store, vault, times, algorithms: ['ES256'], audit: { write: () => {} } })
  await keyring.ensureKeys()
  const now = () => new Date(Date.now() + clockAheadSeconds * 1000)
  const live = await LiveKeySet.start({ store, vault, times, changes, now, onError: (error) => troubles.push(error) })
  return {
    keyring,
    live,
    async stop() {
      live.stop()
      await changes.stop()
      await db.close()
    },
  }
}

beforeAll(async () => {
  database = await freshDatabase()
  kek = randomBytes(32)
  nodes = await Promise.all([startNode(0), startNode(-5), startNode(5)])
})

afterAll(async () => {
  await Promise.all(nodes.map((node) => node.stop()))
  await database.drop()
})

/** Keeps a key set as long as it is told to, and does not fetch again for a kid that it does not know. */
function cachingVerifier(node: Node, keepMilliseconds: () => number) {
  let keys: JWTVerifyGetKey
  let until = 0
  return async (token: string) => {
    if (Date.now() >= until) {
      keys = createLocalJWKSet(node.live.current().publicJwks)
      until = Date.now() + keepMilliseconds()
    }
    await jwtVerify(token, keys)
  }
}

async function sign(node: Node): Promise<string> {
  const [key] = node.live.current().signers
  if (!key) throw new Error('there is no key to sign with')
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString('base64url')
  const exp = Math.floor(Date.now() / 1000) + 60
  const input = `${part({ alg: 'ES256', kid: key.kid })}.${part({ sub: 'anyone', exp })}`
  return `${input}.${Buffer.from(await key.sign(Buffer.from(input))).toString('base64url')}`
}

test('across scheduled rotations, whatever the clocks of the nodes say, no verifier that caches meets an unknown key, and each rotation happens once', async () => {
  const verifiers = nodes.flatMap((node) => [
    cachingVerifier(node, () => node.live.current().maxAgeSeconds * 1000),
    cachingVerifier(node, () => times.publishLeadSeconds * 1000),
  ])
  const issued: { token: string; at: number }[] = []
  const kids = new Set<string>()
  const failed: unknown[] = []
  const verify = (verifier: (token: string) => Promise<void>, token: string) =>
    verifier(token).catch((reason: unknown) => failed.push(reason))

  for (let round = 0; round < 300 && kids.size <= ROTATIONS; round++) {
    await Promise.all(nodes.map((node) => node.keyring.runDueStep()))
    for (const node of nodes) {
      const token = await sign(node)
      kids.add(JSON.parse(Buffer.from(token.split('.')[0] as string, 'base64url').toString()).kid)
      issued.push({ token, at: Date.now() })
      for (const verifier of verifiers) await verify(verifier, token)
    }
    // A token verifies for its whole life, long after its key has retired.
    const old = issued.findLast(({ at }) => Date.now() - at > 1_900)
    const alive = old !== undefined && Date.now() - old.at < times.longestTokenSeconds * 1000
    if (alive) for (const verifier of verifiers) await verify(verifier, old.token)
    await sleep(40)
  }

  expect(kids.size).toBeGreaterThan(ROTATIONS)
  expect(failed).toEqual([])
  expect(troubles).toEqual([])
  const rows = await (nodes[0] as Node).keyring.list({ all: true })
  const starts = rows.flatMap(({ activeAt }) => (activeAt ? [Number(activeAt)] : [])).sort((a, b) => a - b)
  const gaps = starts.slice(1).map((start, index) => start - (starts[index] as number))
  expect(gaps.filter((gap) => gap < times.rotationIntervalSeconds * 1000)).toEqual([])
})

test('a revoked key leaves every node within a second, and all of them sign with the standby', async () => {
  const [first] = nodes as [Node]
  const before = await first.keyring.list()
  const active = before.find(({ state }) => state === 'active')?.kid as string
  const standby = before.find(({ state }) => state === 'pending')?.kid as string
  const heard = nodes.map(({ live }) => new Promise<void>((resolve) => live.onChange(() => resolve())))
  await first.keyring.revoke(active, { compromised: true })
  await Promise.all(heard)
  for (const { live } of nodes) {
    expect(live.current().publicJwks.keys.map(({ kid }) => kid)).not.toContain(active)
    expect(live.current().signers[0]?.kid).toBe(standby)
  }
})
