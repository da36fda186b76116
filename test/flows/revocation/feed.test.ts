import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addClient } from '../../harness/people.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import {
  type Discovery,
  discover,
  type Frame,
  keyOf,
  openFrame,
  openSnapshot,
  readStream,
  type Snapshot,
} from './feed-reader.ts'

let provider: Provider
let discovery: Discovery
let credentials: AddedClient
let feed: string

beforeAll(async () => {
  provider = await startProvider()
  credentials = await provider.cli<AddedClient>([
    'apis',
    'add',
    'https://api.example',
    '--scope',
    'read',
    '--with-credentials',
  ])
  discovery = await discover(provider.issuer)
  feed = discovery.revocation_feed_endpoint
})
afterAll(() => provider.stop())

const basic = ({ client_id, client_secret = '' }: AddedClient) =>
  `Basic ${Buffer.from(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`).toString('base64')}`
const get = (path: string, headers: Record<string, string> = {}) =>
  fetch(`${feed}${path}`, { headers: { authorization: basic(credentials), ...headers } })

const tokenFor = async (client: AddedClient, form: Record<string, string>) => {
  const answer = await fetch(discovery.token_endpoint, {
    method: 'POST',
    headers: { authorization: basic(client) },
    body: new URLSearchParams({ grant_type: 'client_credentials', ...form }),
  })
  return (await answer.json()) as { access_token: string; scope?: string; error?: string }
}
const bearer = (token: string) => ({ authorization: `Bearer ${token}` })

const snapshot = async (): Promise<Snapshot> => openSnapshot(await (await get('/snapshot')).text(), discovery)
const changes = async (after: string, wait = 0): Promise<Frame[]> => {
  const answer = await get(`/changes?after=${after}&wait=${wait}`)
  expect(answer.status).toBe(200)
  return Promise.all(((await answer.json()) as string[]).map((jws) => openFrame(jws, discovery)))
}
const head = async (): Promise<string> => {
  let { epoch, seq } = await snapshot()
  for (;;) {
    const frames = await changes(`${epoch}.${seq}`)
    const last = frames.at(-1)
    seq = last?.to ?? seq
    if (!last || last.entries.length === 0) return `${epoch}.${seq}`
  }
}
/** As long as those that are issued. */
const jtiOf = (name: string) => name.padEnd(43, '-')
const revokeJti = (name: string) => provider.cli(['tokens', 'revoke', '--yes', '--jti', jtiOf(name)])

describe('finding the feed', () => {
  test('discovery names it, and two keys that sign nothing else', async () => {
    expect(feed).toBe(`${provider.issuer}/revocations`)
    const feedKids = discovery.revocation_feed_jwks.keys.map(({ kid }) => kid)
    expect(new Set(feedKids).size).toBe(2)
    const { keys } = (await (await fetch(provider.url('/jwks'))).json()) as { keys: { kid: string }[] }
    expect(keys.filter(({ kid }) => feedKids.includes(kid))).toEqual([])
    expect(JSON.stringify(discovery.revocation_feed_jwks)).not.toContain('"d"')
  })
})

describe('getting in', () => {
  test('the credentials of an API may read it', async () => {
    expect((await get('/snapshot')).status).toBe(200)
  })

  test('an access token that they got for revocation.read may read it, for as long as it lives', async () => {
    const { access_token: token } = await tokenFor(credentials, { scope: 'revocation.read' })
    expect(decodeJwt(token)).toMatchObject({ aud: feed, scope: 'revocation.read' })
    expect(decodeProtectedHeader(token).typ).toBe('at+jwt')
    expect((await get('/snapshot', bearer(token))).status).toBe(200)
    await provider.cli(['tokens', 'revoke', '--yes', '--token-stdin'], token)
    const isRefused = async () => (await get('/snapshot', bearer(token))).status === 401
    await expect(eventually(isRefused)).resolves.toBe(true)
  })

  test('an access token without the scope is answered 403 and told which one is missing', async () => {
    const { access_token: token } = await tokenFor(credentials, {})
    const answer = await get('/snapshot', bearer(token))
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toContain('insufficient_scope')
  })

  test('another service is given neither the scope nor the feed', async () => {
    const service = await addClient(provider, { preset: 'service', apis: ['https://api.example'] })
    expect(await tokenFor(service, { scope: 'revocation.read', resource: feed })).toMatchObject({
      error: 'invalid_target',
    })
    expect((await get('/snapshot', { authorization: basic(service) })).status).toBe(403)
    const { access_token: token } = await tokenFor(service, { scope: 'read' })
    expect((await get('/snapshot', bearer(token))).status).toBe(401)
  })

  test.each<[string, Record<string, string>]>([
    ['nothing', { authorization: '' }],
    ['a wrong secret', { authorization: `Basic ${Buffer.from('api:wrong').toString('base64')}` }],
    ['Basic without a colon', { authorization: `Basic ${Buffer.from('api').toString('base64')}` }],
    ['Basic that is no base64', { authorization: 'Basic %%%' }],
    ['a bearer that is no token', { authorization: 'Bearer nonsense' }],
    ['a bearer of broken JSON', { authorization: 'Bearer e30.e30.e30' }],
    ['another scheme', { authorization: 'Digest abc' }],
  ])('%s is answered 401', async (_what, headers) => {
    for (const path of ['/snapshot', '/changes?after=x', '/stream']) {
      const answer = await get(path, headers)
      expect(answer.status).toBe(401)
      expect(answer.headers.get('www-authenticate')).toMatch(/^(Basic|Bearer) realm=/)
    }
  })

  test('a removed API takes its credentials along', async () => {
    const other = await provider.cli<AddedClient>(['apis', 'add', 'https://gone.example', '--with-credentials'])
    expect((await get('/snapshot', { authorization: basic(other) })).status).toBe(200)
    await provider.cli(['apis', 'remove', '--yes', 'https://gone.example'])
    const isRefused = async () => (await get('/snapshot', { authorization: basic(other) })).status === 401
    await expect(eventually(isRefused)).resolves.toBe(true)
  })
})

describe('the snapshot', () => {
  test('holds what was revoked, vouched for by its manifest', async () => {
    await revokeJti('in-the-changes')
    const whole = async () => {
      const { epoch, salt, seq, entries } = await snapshot()
      const frames = await changes(`${epoch}.${seq}`)
      const keys = [...entries, ...frames.flatMap((frame) => frame.entries)].map(([, key]) => key)
      return keys.includes(keyOf(salt, 1, jtiOf('in-the-changes')))
    }
    await expect(eventually(whole)).resolves.toBe(true)
  })

  test('has an ETag by which a cache asks again for nothing', async () => {
    const first = await get('/snapshot')
    const etag = first.headers.get('etag') ?? ''
    expect(etag).toMatch(/^W\/"[0-9a-f-]{36}\.\d+\.[\w-]{43}"$/)
    expect(first.headers.get('cache-control')).toContain('stale-if-error')
    expect((await get('/snapshot', { 'if-none-match': etag })).status).toBe(304)
  })

  test('comes as it is to those who take no gzip', async () => {
    const answer = await get('/snapshot', { 'accept-encoding': 'identity' })
    expect(answer.headers.get('content-encoding')).toBeNull()
    await expect(openSnapshot(await answer.text(), discovery)).resolves.toHaveProperty('seq')
  })
})

describe('the changes', () => {
  test('are one heartbeat while nothing happens', async () => {
    const cursor = await head()
    const [frame, ...more] = await changes(cursor)
    expect(more).toEqual([])
    expect(`${frame?.epoch}.${frame?.to}`).toBe(cursor)
    expect(frame).toMatchObject({ from: (frame?.to ?? 0) + 1, entries: [] })
    expect(Math.abs((frame?.iat ?? 0) - Date.now() / 1000)).toBeLessThan(5)
  })

  test('wait for news as long as they are asked to', async () => {
    const cursor = await head()
    const waiting = changes(cursor, 20)
    await revokeJti('news')
    const { salt } = await snapshot()
    expect((await waiting).flatMap(({ entries }) => entries.map(([, key]) => key))).toContain(
      keyOf(salt, 1, jtiOf('news')),
    )
  })

  test.each([
    '',
    'nonsense',
    '.5',
    'x.1',
    '00000000-0000-0000-0000-000000000000.-1',
    '00000000-0000-0000-0000-000000000000.1e3',
  ])('since %j are answered 400', async (after) => {
    expect((await get(`/changes?after=${after}`)).status).toBe(400)
  })

  test.each(['26', '-1', 'x', '1.5'])('with wait=%s are answered 400', async (wait) => {
    expect((await get(`/changes?after=${await head()}&wait=${wait}`)).status).toBe(400)
  })

  test('since another epoch, and from ahead of the log, are answered 410', async () => {
    const [epoch] = (await head()).split('.')
    expect((await get('/changes?after=00000000-0000-0000-0000-000000000000.1')).status).toBe(410)
    expect((await get(`/changes?after=${epoch}.99999999`)).status).toBe(410)
    expect((await get(`/stream?after=${epoch}.99999999`)).status).toBe(410)
  })
})

describe('the stream', () => {
  test('brings what is missing since the cursor, a heartbeat at once, news as they happen, and a heartbeat each second', async () => {
    const after = await head()
    await revokeJti('missed')
    const answer = await get('/stream', { 'last-event-id': after })
    expect(answer.headers.get('content-type')).toBe('text/event-stream')
    const { salt } = await snapshot()
    const seen: Frame[] = []
    let cursor = Number(after.split('.')[1])
    for await (const { id, data } of readStream(answer)) {
      const frame = await openFrame(data, discovery)
      expect(id).toBe(`${frame.epoch}.${frame.to}`)
      expect(frame.from).toBe(cursor + 1)
      cursor = frame.to
      seen.push(frame)
      if (seen.length === 2) void revokeJti('live')
      const keys = seen.flatMap(({ entries }) => entries.map(([, key]) => key))
      if (keys.includes(keyOf(salt, 1, jtiOf('live'))) && frame.entries.length === 0) break
      if (seen.length > 60) break
    }
    const keys = seen.flatMap(({ entries }) => entries.map(([, key]) => key))
    expect(keys).toContain(keyOf(salt, 1, jtiOf('missed')))
    expect(keys).toContain(keyOf(salt, 1, jtiOf('live')))
    expect(seen.filter(({ entries }) => entries.length === 0).length).toBeGreaterThanOrEqual(2)
  })

  test('ends when the credentials it was opened with end', async () => {
    const other = await provider.cli<AddedClient>(['apis', 'add', 'https://short.example', '--with-credentials'])
    const answer = await get('/stream', { authorization: basic(other) })
    await provider.cli(['clients', 'remove', '--yes', other.client_id])
    let messages = 0
    for await (const _message of readStream(answer)) {
      messages += 1
      expect(messages).toBeLessThan(60)
    }
    expect((await get('/stream', { authorization: basic(other) })).status).toBe(401)
  })
})

/** Bounded: what running nodes learn within a moment. */
