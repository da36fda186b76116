/** The key set as verifiers fetch it: cached, cheap, and nothing in it that they do not understand. */
import type { Agent } from 'node:http'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { eventually } from '../../harness/eventually.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { ask, keptAlive } from '../../harness/wire.ts'

let provider: Provider
let rows: Rows
let agent: Agent

const home = () => new URL(provider.issuer).host
const fetchKeys = (headers: Record<string, string> = {}, method = 'GET') =>
  ask(provider.port, { method, path: '/jwks', headers: { host: home(), ...headers }, agent })

beforeAll(async () => {
  provider = await startProvider()
  rows = await openRows(provider.databaseUrl)
  agent = keptAlive()
}, 60_000)

afterAll(async () => {
  agent?.destroy()
  await rows?.close()
  await provider?.stop()
})

interface Jwk extends Record<string, unknown> {
  kid?: string
}

const keysIn = (text: string) => (JSON.parse(text) as { keys: Jwk[] }).keys

test('the key set may be cached by anybody for 300 seconds, shown for 30 more while a cache fetches anew, and is told apart by a strong ETag', async () => {
  const answer = await fetchKeys()
  expect(answer.status).toBe(200)
  expect(answer.headers['cache-control']).toBe('public, max-age=300, stale-while-revalidate=30')
  expect(answer.headers.etag).toMatch(/^"[\w-]{16,}"$/)
  expect(answer.headers['content-type']).toMatch(/^application\/(?:jwk-set\+)?json/)
  expect(answer.headers['access-control-allow-origin']).toBe('*')
  expect(answer.headers['set-cookie']).toBeUndefined()
})

test('a verifier that has the key set already is told so, without a body', async () => {
  const { etag = '' } = (await fetchKeys()).headers
  for (const known of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
    const answer = await fetchKeys({ 'if-none-match': known })
    expect([answer.status, answer.body.length]).toEqual([304, 0])
    expect(answer.headers.etag).toBe(etag)
  }
  expect((await fetchKeys({ 'if-none-match': '"other"' })).status).toBe(200)
})

test('HEAD says the same without the body, and no other method is answered', async () => {
  const head = await fetchKeys({}, 'HEAD')
  expect([head.status, head.body.length]).toEqual([200, 0])
  expect(Number(head.headers['content-length'])).toBeGreaterThan(100)
  for (const method of ['POST', 'PUT', 'DELETE', 'PATCH']) expect((await fetchKeys({}, method)).status).toBe(405)
})

test('the key set holds only signing keys, each with kid, alg and use, and no private member', async () => {
  const keys = keysIn((await fetchKeys()).text)
  expect(new Set(keys.map(({ alg }) => alg))).toEqual(new Set(['ES256', 'RS256']))
  expect(new Set(keys.map(({ kid }) => kid)).size).toBe(keys.length)
  for (const key of keys) {
    expect(key).toMatchObject({ use: 'sig', kid: expect.any(String), alg: expect.any(String) })
    for (const member of ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']) expect(key).not.toHaveProperty(member)
  }
})

test('the next key of each algorithm is published already', async () => {
  const keys = keysIn((await fetchKeys()).text)
  for (const algorithm of ['ES256', 'RS256']) expect(keys.filter(({ alg }) => alg === algorithm)).toHaveLength(2)
})

test('thousands of refetches for unknown keys, and of discovery, ask the database nothing', async () => {
  // What the node asks by itself meanwhile, its polls above all, is a few a second; one fetch in four that asked would show.
  const transactions = () =>
    rows.count(`select xact_commit + xact_rollback from pg_stat_database where datname = current_database()`)
  const asked = await transactions()
  let failures = 0
  await Promise.all(
    Array.from({ length: 8 }, async (_, lane) => {
      for (let turn = 0; turn < 300; turn += 1) {
        const path = turn % 3 === 0 ? '/.well-known/openid-configuration' : `/jwks?kid=unknown-${lane}-${turn}`
        const { status } = await ask(provider.port, { path, headers: { host: home() }, agent })
        if (status !== 200) failures += 1
      }
    }),
  )
  expect(failures).toBe(0)
  expect((await transactions()) - asked).toBeLessThan(600)
})

test('after a rotation the same address shows the new key set with a new ETag, on the running node', async () => {
  const before = await fetchKeys()
  await provider.cli(['keys', 'rotate', '--now'])
  const after = await eventually(async () => {
    const answer = await fetchKeys()
    return answer.headers.etag === before.headers.etag ? undefined : answer
  })
  expect(after?.headers.etag).toBeDefined()
  const kids = (text: string) => keysIn(text).map(({ kid }) => kid)
  // Nothing that was published is gone: what the old key signed stays verifiable.
  expect(kids(after?.text ?? '{"keys":[]}')).toEqual(expect.arrayContaining(kids(before.text)))
})
