/** Finding the transmitter, getting in, and managing streams (SSF 1.0 §7 and §8): a receiver its own, and nobody else's. */
import { afterAll, beforeAll, describe, expect, jest, test } from '@jest/globals'
import { askDatabase } from '../../harness/later.ts'
import { addClient } from '../../harness/people.ts'
import { basic } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { addReceiver, type Receiver, receiver, type Stream, tokenFor } from './receiver.ts'

// Commands are processes of their own, and a small machine runs several tests at once.
jest.setTimeout(120_000)

const push = 'urn:ietf:rfc:8935'
const poll = 'urn:ietf:rfc:8936'
let provider: Provider
let siem: Receiver
let other: Receiver
let streams: string

beforeAll(async () => {
  provider = await startProvider({ issuerPath: '/tenant' })
  siem = await receiverOf()
  other = await receiverOf()
  streams = siem.metadata.configuration_endpoint
})
afterAll(() => provider?.stop())

const wellKnown = () => `${new URL(provider.issuer).origin}/.well-known/ssf-configuration/tenant`
const receiverOf = async () => receiver(provider, await addReceiver(provider))
const database = <T>(sql: string, values: unknown[] = []) => askDatabase<T>(provider.databaseUrl, sql, values)
const stored = () =>
  database(
    'select id, client_id, method, endpoint_url, events_requested, description, status from event_streams order by id',
  )
const read = async ({ stream_id: id }: Stream, by = siem) => by.call(`${streams}?stream_id=${id}`, 'GET')

describe('finding it, and getting in', () => {
  test('the configuration stands between the host and the path of the issuer (SSF 1.0 §7.2)', async () => {
    const answer = await fetch(wellKnown())
    expect(answer.headers.get('content-type')).toContain('application/json')
    const metadata = (await answer.json()) as Record<string, unknown>
    expect(metadata).toMatchObject({
      spec_version: '1_0',
      issuer: provider.issuer,
      jwks_uri: `${provider.issuer}/jwks`,
      delivery_methods_supported: [push, poll],
      authorization_schemes: [{ spec_urn: 'urn:ietf:rfc:6749' }],
      default_subjects: 'ALL',
    })
    for (const [name, value] of Object.entries(metadata)) {
      if (name.endsWith('_endpoint')) expect(String(value).startsWith(`${provider.issuer}/`)).toBe(true)
    }
  })

  test('a token with ssf.read reads, and manages nothing', async () => {
    const stream = await siem.create()
    const token = await tokenFor(provider, siem.client, 'ssf.read')
    const call = (url: string, method: string, body?: object) =>
      fetch(url, {
        method,
        headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
        ...(body ? { body: JSON.stringify(body) } : {}),
      })
    const id = stream.stream_id
    expect((await call(streams, 'GET')).status).toBe(200)
    expect((await call(`${siem.metadata.status_endpoint}?stream_id=${id}`, 'GET')).status).toBe(200)
    expect((await call(stream.delivery.endpoint_url, 'POST', { returnImmediately: true })).status).toBe(200)
    const refused = [
      await call(streams, 'POST', {}),
      await call(streams, 'PATCH', { stream_id: id }),
      await call(streams, 'PUT', { stream_id: id }),
      await call(`${streams}?stream_id=${id}`, 'DELETE'),
      await call(siem.metadata.status_endpoint, 'POST', { stream_id: id, status: 'disabled' }),
      await call(siem.metadata.verification_endpoint, 'POST', { stream_id: id }),
      await call(siem.metadata.add_subject_endpoint, 'POST', { stream_id: id }),
      await call(siem.metadata.remove_subject_endpoint, 'POST', { stream_id: id }),
    ]
    for (const answer of refused) {
      expect(answer.status).toBe(403)
      expect(answer.headers.get('www-authenticate')).toBe('Bearer error="insufficient_scope", scope="ssf.manage"')
    }
    await siem.call(`${streams}?stream_id=${id}`, 'DELETE')
  })

  test('a service without the right is refused the scope, and a token of another right opens nothing', async () => {
    const stranger = await addClient(provider, { preset: 'service', more: ['--right', 'global-token-revocation'] })
    await expect(tokenFor(provider, stranger, 'ssf.manage')).rejects.toThrow('400 invalid_scope')
    const token = await tokenFor(provider, stranger, 'global_token_revocation')
    expect((await fetch(streams, { headers: { authorization: `Bearer ${token}` } })).status).toBe(401)
  })

  test.each(['', 'Bearer nonsense', 'Bearer e30.e30.e30', basic('siem', 'secret')])(
    '%j is answered 401',
    async (authorization) => {
      const answer = await fetch(streams, { headers: authorization ? { authorization } : {} })
      expect([answer.status, answer.headers.get('www-authenticate')?.startsWith('Bearer realm="ssf"')]).toEqual([
        401,
        true,
      ])
    },
  )

  test('a revoked token opens nothing more', async () => {
    const token = await tokenFor(provider, siem.client, 'ssf.read')
    const status = async () => (await fetch(streams, { headers: { authorization: `Bearer ${token}` } })).status
    expect(await status()).toBe(200)
    await provider.cli(['tokens', 'revoke', '--yes', '--token-stdin'], token)
    let last = await status()
    for (let tries = 0; tries < 200 && last !== 401; tries += 1) last = await status()
    expect(last).toBe(401)
  })
})

describe('a stream', () => {
  test('is made, read, changed in part, replaced and removed', async () => {
    const made = await siem.create({ description: 'Incidents', events_requested: ['urn:x'] })
    expect(made).toMatchObject({
      iss: provider.issuer,
      aud: siem.client.client_id,
      delivery: { method: poll, endpoint_url: `${provider.issuer}/ssf/poll/${made.stream_id}` },
      events_requested: ['urn:x'],
      events_delivered: [],
      description: 'Incidents',
      inactivity_timeout: 7 * 86_400,
    })
    expect(await (await read(made)).json()).toEqual(made)
    const delivery = { method: push, endpoint_url: 'https://siem.example.org/events' }
    const patched = await siem.call(streams, 'PATCH', { stream_id: made.stream_id, delivery, aud: made.aud })
    expect(await patched.json()).toEqual({ ...made, delivery })
    const put = await siem.call(streams, 'PUT', { stream_id: made.stream_id, delivery })
    const replaced = (await put.json()) as Stream
    expect(replaced).not.toHaveProperty('description')
    expect(replaced.events_delivered).toEqual(made['events_supported'])
    // What was read may come back as it is.
    expect(await (await siem.call(streams, 'PUT', replaced)).json()).toEqual(replaced)
    expect((await siem.call(`${streams}?stream_id=${made.stream_id}`, 'DELETE')).status).toBe(204)
    expect((await read(made)).status).toBe(404)
  })

  test("another receiver's is not there, for nothing that one can do with it", async () => {
    const mine = await siem.create()
    const id = mine.stream_id
    const { metadata } = other
    const before = await stored()
    const answers = [
      await read(mine, other),
      await other.call(streams, 'PATCH', { stream_id: id, description: 'taken' }),
      await other.call(streams, 'PUT', { stream_id: id }),
      await other.call(`${streams}?stream_id=${id}`, 'DELETE'),
      await other.call(`${metadata.status_endpoint}?stream_id=${id}`, 'GET'),
      await other.call(metadata.status_endpoint, 'POST', { stream_id: id, status: 'disabled' }),
      await other.call(metadata.add_subject_endpoint, 'POST', {
        stream_id: id,
        subject: { format: 'opaque', id: 'x' },
      }),
      await other.call(metadata.remove_subject_endpoint, 'POST', {
        stream_id: id,
        subject: { format: 'opaque', id: 'x' },
      }),
      await other.call(metadata.verification_endpoint, 'POST', { stream_id: id }),
      await other.call(mine.delivery.endpoint_url, 'POST', { returnImmediately: true }),
    ]
    expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 404))
    expect(await stored()).toEqual(before)
    expect(await (await other.call(streams, 'GET')).json()).toEqual([])
    await siem.call(`${streams}?stream_id=${id}`, 'DELETE')
  })

  test('goes with its receiver', async () => {
    const short = await receiverOf()
    const stream = await short.create()
    await provider.cli(['clients', 'remove', '--yes', short.client.client_id])
    expect(await database('select from event_streams where id = $1', [stream.stream_id])).toEqual([])
  })

  test('one receiver has ten at most, and one that is refused leaves nothing', async () => {
    const many = await receiverOf()
    const answers = await Promise.all(Array.from({ length: 13 }, () => many.call(streams, 'POST', {})))
    expect(answers.map(({ status }) => status).sort()).toEqual([...Array(10).fill(201), ...Array(3).fill(403)])
    const kept = (await (await many.call(streams, 'GET')).json()) as Stream[]
    expect(kept).toHaveLength(10)
    for (const { stream_id: id } of kept) await many.call(`${streams}?stream_id=${id}`, 'DELETE')
  })

  test('there are a hundred at most', async () => {
    const [{ id } = { id: '' }] = await database<{ id: string }>(`
      with many as (insert into clients (id, name, preset) values ('many', 'Many', 'service') returning id)
      select id from many`)
    await database(
      `insert into event_streams (id, client_id, method, cursor) select 'many-' || n, $1, 'poll', 0 from generate_series(1, 100) n`,
      [id],
    )
    const answer = await siem.call(streams, 'POST', {})
    expect([answer.status, ((await answer.json()) as { error_description: string }).error_description]).toEqual([
      403,
      expect.stringContaining('100 streams'),
    ])
    await provider.cli(['clients', 'remove', '--yes', 'many'])
  })
})

describe('bad input is refused with a sentence, and nothing is stored', () => {
  let stream: Stream
  beforeAll(async () => {
    stream = await siem.create()
  })
  const raw = (url: string, method: string, body: string, type: string) =>
    fetch(url, { method, headers: { authorization: `Bearer ${siem.token}`, 'content-type': type }, body })
  const deep = `${'['.repeat(20_000)}${']'.repeat(20_000)}`

  test.each<[string, string, number]>([
    ['broken JSON', '{"delivery":', 400],
    ['nothing', '', 400],
    ['null', 'null', 400],
    ['a list', '[]', 400],
    ['a number', '1', 400],
    ['JSON that is nested too deep', deep, 400],
    ['a form', 'a=b', 415],
    ['what is too large', JSON.stringify({ description: 'x'.repeat(60_000) }), 413],
    ['what holds a NUL', '{"description":"\u0000"}', 400],
  ])('%s', async (_what, body, status) => {
    const type = status === 415 ? 'application/x-www-form-urlencoded' : 'application/json'
    const before = await stored()
    for (const [url, method] of [
      [streams, 'POST'],
      [streams, 'PATCH'],
      [streams, 'PUT'],
      [siem.metadata.status_endpoint, 'POST'],
      [siem.metadata.verification_endpoint, 'POST'],
      [siem.metadata.add_subject_endpoint, 'POST'],
      [siem.metadata.remove_subject_endpoint, 'POST'],
      [stream.delivery.endpoint_url, 'POST'],
    ] as const) {
      const answer = await raw(url, method, body, type)
      expect([url, method, answer.status]).toEqual([url, method, status])
      expect(((await answer.json()) as { error_description: string }).error_description).toMatch(/\w.*\.$/)
    }
    expect(await stored()).toEqual(before)
  })

  const url = (endpoint_url: unknown) => ({ delivery: { method: push, endpoint_url } })
  test.each<[string, object]>([
    ['a delivery of an unknown method', { delivery: { method: 'urn:x' } }],
    ['a delivery without a method', { delivery: {} }],
    ['a delivery that is text', { delivery: push }],
    ['a push without a URL', { delivery: { method: push } }],
    ['a URL that is a number', url(7)],
    ['a URL without a scheme', url('siem.example.org/events')],
    ['plain http', url('http://siem.example.org/events')],
    ['another scheme', url('file:///etc/passwd')],
    ['a script', url('javascript:alert(1)')],
    ['a name and password', url('https://user:pass@siem.example.org/')],
    ['a fragment', url('https://siem.example.org/#x')],
    ['a line break', url('https://siem.example.org/\r\nX: y')],
    ['backslashes', url('https:\\\\siem.example.org')],
    ['a wildcard', url('https://*.example.org/')],
    ['a URL that is too long', url(`https://siem.example.org/${'x'.repeat(3000)}`)],
    [
      'a header with a line break',
      { delivery: { ...url('https://siem.example.org/').delivery, authorization_header: 'a\r\nX: y' } },
    ],
    [
      'a header that is no text',
      { delivery: { ...url('https://siem.example.org/').delivery, authorization_header: {} } },
    ],
    ['events that are text', { events_requested: 'urn:x' }],
    ['events that are numbers', { events_requested: [1] }],
    ['too many events', { events_requested: Array(101).fill('urn:x') }],
    ['a description that is a list', { description: [] }],
    ['a description with control characters', { description: 'a\u0007b' }],
    ['a description that is too long', { description: 'x'.repeat(1001) }],
  ])('%s', async (_what, body) => {
    const before = await stored()
    expect((await siem.call(streams, 'POST', body)).status).toBe(400)
    expect((await siem.call(streams, 'PATCH', { stream_id: stream.stream_id, ...body })).status).toBe(400)
    expect((await siem.call(streams, 'PUT', { stream_id: stream.stream_id, ...body })).status).toBe(400)
    expect(await stored()).toEqual(before)
  })

  test('members that are ours to say, when they say something else (SSF 1.0 §8.1.1.3)', async () => {
    for (const member of [
      { iss: 'https://evil.example' },
      { aud: 'x' },
      { events_delivered: [] },
      { inactivity_timeout: 1 },
    ]) {
      const answer = await siem.call(streams, 'PATCH', { stream_id: stream.stream_id, ...member, description: 'x' })
      expect(answer.status).toBe(400)
    }
    expect(await (await read(stream)).json()).toEqual(stream)
  })

  test.each<[string, (id: string) => [string, object]]>([
    ['a status that does not exist', (id) => [siem.metadata.status_endpoint, { stream_id: id, status: 'gone' }]],
    ['a status without a stream', () => [siem.metadata.status_endpoint, { status: 'paused' }]],
    ['a subject that is missing', (id) => [siem.metadata.remove_subject_endpoint, { stream_id: id }]],
    [
      'a subject without a format',
      (id) => [siem.metadata.remove_subject_endpoint, { stream_id: id, subject: { sub: 'x' } }],
    ],
    [
      'a subject of numbers',
      (id) => [siem.metadata.add_subject_endpoint, { stream_id: id, subject: { format: 'email', email: 1 } }],
    ],
    [
      'an empty complex subject',
      (id) => [siem.metadata.add_subject_endpoint, { stream_id: id, subject: { format: 'complex' } }],
    ],
    ['a state that is an object', (id) => [siem.metadata.verification_endpoint, { stream_id: id, state: {} }]],
    ['acknowledgements that are text', () => [stream.delivery.endpoint_url, { ack: 'x' }]],
    ['errors without a code', () => [stream.delivery.endpoint_url, { setErrs: { x: {} } }]],
    ['a negative count', () => [stream.delivery.endpoint_url, { maxEvents: -1 }]],
    ['half an event', () => [stream.delivery.endpoint_url, { maxEvents: 0.5 }]],
    ['a wish to wait that is text', () => [stream.delivery.endpoint_url, { returnImmediately: 'no' }]],
  ])('%s', async (_what, request) => {
    const [endpoint, body] = request(stream.stream_id)
    expect((await siem.call(endpoint, 'POST', body)).status).toBe(400)
  })

  test.each(['PUT', 'DELETE', 'PATCH', 'GET'])('%s at the poll endpoint is answered 405', async (method) => {
    const answer = await siem.call(stream.delivery.endpoint_url, method)
    expect([answer.status, answer.headers.get('allow')]).toEqual([405, 'POST, OPTIONS'])
  })

  test('a stream that nobody named, or with a strange name, is not there', async () => {
    expect((await siem.call(`${siem.metadata.status_endpoint}`, 'GET')).status).toBe(400)
    for (const id of ['x', '..', "'; drop table event_streams --", 'ä', 'x'.repeat(500)]) {
      expect((await siem.call(`${streams}?stream_id=${encodeURIComponent(id)}`, 'GET')).status).toBe(404)
    }
    expect((await siem.call(`${provider.issuer}/ssf/nothing`, 'GET')).status).toBe(404)
  })

  test('whether there is such a subject is told to nobody', async () => {
    for (const [endpoint, status] of [
      [siem.metadata.add_subject_endpoint, 200],
      [siem.metadata.remove_subject_endpoint, 204],
    ] as const) {
      const subject = { format: 'email', email: 'nobody@example.org' }
      expect((await siem.call(endpoint, 'POST', { stream_id: stream.stream_id, subject })).status).toBe(status)
    }
    expect(await database('select from event_stream_exclusions')).toEqual([])
  })
})
