/** What a receiver is promised to which events are pushed (RFC 8935). */
import { randomUUID } from 'node:crypto'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
import { createLocalJWKSet, decodeJwt, type JSONWebKeySet, jwtVerify } from 'jose'
import { freshDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort } from '../../harness/free-port.ts'
import { askDatabase } from '../../harness/later.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { type PushEndpoint, pushEndpoint, type Receiver, receiver, type Stream } from './receiver.ts'

// Commands are processes of their own, and a small machine runs several tests at once.
jest.setTimeout(120_000)

const patient = { tries: 1200 }
let provider: Provider
let managementPort: number
let siem: Receiver
let endpoint: PushEndpoint

beforeAll(async () => {
  const database = await freshDatabase()
  managementPort = await freePort()
  provider = await startProvider({ database, env: { CLAVIGER_MANAGEMENT_PORT: String(managementPort) } })
  siem = await receiver(provider)
})
afterAll(async () => {
  await provider?.stop()
})
beforeEach(async () => {
  endpoint = await pushEndpoint()
})
afterEach(() => endpoint.close())

const database = <T>(sql: string, values: unknown[] = []) => askDatabase<T>(provider.databaseUrl, sql, values)
const create = (more: object = {}): Promise<Stream> =>
  siem.create({ delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: endpoint.url, ...more } })
const remove = ({ stream_id: id }: Stream) =>
  siem.call(`${siem.metadata.configuration_endpoint}?stream_id=${id}`, 'DELETE')
const setStatus = ({ stream_id: id }: Stream, status: string) =>
  siem.call(siem.metadata.status_endpoint, 'POST', { stream_id: id, status })

/** Tokens that end, in one transaction; their names in order. */
async function ended(count: number): Promise<string[]> {
  const names = Array.from({ length: count }, () => `token-${randomUUID()}`)
  await database(
    `insert into revocations (kind, value, cause) select 1, name, 'token.revoked' from unnest($1::text[]) as name`,
    [names],
  )
  return names
}
const nameOf = (jws: string) => (decodeJwt(jws)['sub_id'] as { jti?: string }).jti
const names = () => endpoint.accepted.map(nameOf)
const arrived = (count: number) => eventually(() => (endpoint.accepted.length >= count ? names() : undefined), patient)

describe('pushing', () => {
  test('brings each event once, in order, signed, with the header that the receiver asked for', async () => {
    const stream = await create({ authorization_header: 'Bearer a-secret-of-the-receiver' })
    const made = await ended(3)
    expect(await arrived(3)).toEqual(made)
    for (const jws of endpoint.accepted) expect((await siem.opened(jws)).event).toBe('token-revoked')
    expect(endpoint.headers[0]).toMatchObject({
      'content-type': 'application/secevent+jwt',
      accept: 'application/json',
      authorization: 'Bearer a-secret-of-the-receiver',
    })
    // One that comes later proves that none came twice.
    const [last] = await ended(1)
    expect(await arrived(4)).toEqual([...made, last])
    await remove(stream)
  })

  test('the header rests sealed, and is told to nobody', async () => {
    const stream = await create({ authorization_header: 'Bearer a-secret-of-the-receiver' })
    const rows = await database('select * from event_streams')
    const answer = await siem.call(`${siem.metadata.configuration_endpoint}?stream_id=${stream.stream_id}`, 'GET')
    const shown = await provider.command(['streams', 'show', stream.stream_id, '--json'])
    for (const text of [
      JSON.stringify(rows),
      JSON.stringify(stream),
      await answer.text(),
      shown.stdout,
      provider.log(),
    ]) {
      expect(text).not.toContain('a-secret-of-the-receiver')
    }
    await remove(stream)
  })

  test('a receiver that fails is asked again until it accepts, and nothing overtakes', async () => {
    const stream = await create()
    endpoint.answer = (count) => ({ status: count <= 2 ? 503 : 202 })
    const made = await ended(3)
    expect(await arrived(3)).toEqual(made)
    expect(endpoint.requests).toBeGreaterThanOrEqual(5)
    await remove(stream)
  })

  test('an event that the receiver refuses for good does not block the others', async () => {
    const stream = await create()
    endpoint.answer = (count) =>
      count === 1 ? { status: 400, body: '{"err":"invalid_request","description":"broken"}' } : { status: 202 }
    const [, ...rest] = await ended(3)
    expect(await arrived(2)).toEqual(rest)
    const error = await eventually(async () => {
      const shown = await provider.cli<{ last_error: string | null }>(['streams', 'show', stream.stream_id])
      return shown.last_error ?? undefined
    })
    expect(error).toBe('invalid_request: broken')
    await remove(stream)
  })

  test('a receiver whose credentials have ended keeps its events until it has mended them', async () => {
    const stream = await create()
    endpoint.answer = { status: 400, body: '{"err":"authentication_failed"}' }
    const made = await ended(2)
    await eventually(() => endpoint.requests > 0, patient)
    endpoint.answer = { status: 202 }
    // Whoever changes the delivery is tried at once.
    const delivery = { method: 'urn:ietf:rfc:8935', endpoint_url: endpoint.url, authorization_header: 'Bearer new' }
    await siem.call(siem.metadata.configuration_endpoint, 'PATCH', { stream_id: stream.stream_id, delivery })
    expect(await arrived(2)).toEqual(made)
    await remove(stream)
  })

  test('a redirect is not followed', async () => {
    const other = await pushEndpoint()
    const stream = await create()
    endpoint.answer = { status: 307 }
    await ended(1)
    await eventually(() => endpoint.requests > 0, patient)
    expect(other.requests).toBe(0)
    await other.close()
    await remove(stream)
  })

  test.each(['https://169.254.169.254/latest', 'https://10.0.0.1/events', 'https://[fd00::1]/events'])(
    'an inner address such as %s is never asked, and the administrator reads why',
    async (endpoint_url) => {
      const stream = await create({ endpoint_url })
      await ended(1)
      const error = await eventually(async () => {
        const [row] = await database<{ last_error: string | null }>(
          'select last_error from event_streams where id = $1',
          [stream.stream_id],
        )
        return row?.last_error ?? undefined
      }, patient)
      expect(error).toMatch(/has no public address.*CLAVIGER_OUTBOUND_ALLOWED/)
      await remove(stream)
    },
  )

  test('a verification event brings back the state that was sent with the request', async () => {
    const stream = await create()
    const ask = () =>
      siem.call(siem.metadata.verification_endpoint, 'POST', { stream_id: stream.stream_id, state: 'VGhpcyBpcw==' })
    expect((await ask()).status).toBe(204)
    const again = await ask()
    expect([again.status, Number(again.headers.get('retry-after'))]).toEqual([429, 10])
    await arrived(1)
    expect(await siem.opened(endpoint.accepted[0] ?? '')).toMatchObject({
      event: 'verification',
      sub_id: { format: 'opaque', id: stream.stream_id },
      content: { state: 'VGhpcyBpcw==' },
    })
    await remove(stream)
  })
})

describe('standing still', () => {
  test('while it is paused nothing is pushed, and metrics tell for how long; enabled again, all of it', async () => {
    const metric = async (status: string) => {
      const metrics = await (await fetch(`http://127.0.0.1:${managementPort}/metrics`)).text()
      const values = new RegExp(
        `^claviger_event_stream(?:s|_lag_seconds){method="push",status="${status}"} (.*)$`,
        'gm',
      )
      return [...metrics.matchAll(values)].map(([, value]) => Number(value))
    }
    const stream = await create()
    await setStatus(stream, 'paused')
    const made = await ended(2)
    // Another stream proves that the events have been looked at.
    const witness = await siem.create()
    await ended(1)
    await siem.gather(witness, 1)
    expect(endpoint.requests).toBe(0)
    const [streams, lag] = await metric('paused')
    expect(streams).toBe(1)
    expect(lag).toBeGreaterThan(0)
    await setStatus(stream, 'enabled')
    expect((await arrived(3))?.slice(0, 2)).toEqual(made)
    expect(await eventually(async () => (await metric('enabled'))[1] === 0, patient)).toBe(true)
    await remove(stream)
    await remove(witness)
  })

  test('a receiver that accepts nothing for a day finds its stream paused, hears so when it is back, and misses nothing', async () => {
    const stream = await create()
    endpoint.answer = { status: 500 }
    const made = await ended(2)
    await eventually(() => endpoint.requests > 0, patient)
    await database(
      `update event_streams set failing_since = now() - interval '25 hours', next_try_at = '-infinity' where failures > 0`,
    )
    const paused = await eventually(async () => {
      const answer = await siem.call(`${siem.metadata.status_endpoint}?stream_id=${stream.stream_id}`, 'GET')
      const { status, reason } = (await answer.json()) as { status: string; reason?: string }
      if (status === 'paused') return reason
      await database(`update event_streams set failing_since = now() - interval '25 hours', next_try_at = '-infinity'
                       where failures > 0 and leased_until < now()`)
      return undefined
    }, patient)
    expect(paused).toMatch(/^The receiver has not accepted anything since .*: it answers 500$/)
    endpoint.answer = { status: 202 }
    await database(`update event_streams set next_try_at = '-infinity'`)
    await arrived(1)
    expect(await siem.opened(endpoint.accepted[0] ?? '')).toMatchObject({
      event: 'stream-updated',
      content: { status: 'paused' },
    })
    await setStatus(stream, 'enabled')
    expect((await arrived(3))?.slice(1)).toEqual(made)
    await remove(stream)
  })

  test('a receiver that lost its right is pushed nothing more, and its token opens nothing', async () => {
    const own = await receiver(provider)
    const stream = await own.create({ delivery: { method: 'urn:ietf:rfc:8935', endpoint_url: endpoint.url } })
    await provider.cli(['clients', 'set', own.client.client_id, '--remove-right', 'shared-signals'])
    const status = async () =>
      (await own.call(`${own.metadata.status_endpoint}?stream_id=${stream.stream_id}`, 'GET')).status
    expect(await eventually(async () => ((await status()) === 403 ? 403 : undefined), patient)).toBe(403)
    const witness = await siem.create()
    await ended(1)
    await siem.gather(witness, 1)
    expect(endpoint.requests).toBe(0)
    await remove(witness)
  })
})

describe('nodes that die', () => {
  test('a node killed (-9) while it pushes loses nothing: another goes on, in order, and every event arrives', async () => {
    // The same deployment on a port of its own.
    const { CLAVIGER_PORT: _port, CLAVIGER_MANAGEMENT_PORT: _other, ...env } = provider.env
    const second = await startProvider({ database: { url: provider.databaseUrl }, env })
    const stream = await create()
    const keys = createLocalJWKSet((await (await fetch(siem.metadata.jwks_uri)).json()) as JSONWebKeySet)
    let killed: Promise<void> | undefined
    endpoint.answer = (count) => {
      if (count === 10) killed = provider.kill()
      return { status: 202 }
    }
    const made = await ended(60)
    const all = await eventually(() => (new Set(names()).size === made.length ? names() : undefined), patient)
    await killed
    // At least once, and each first time in order.
    expect([...new Set(all)]).toEqual(made)
    const { issuer, aud: audience } = { ...provider, ...stream }
    for (const jws of endpoint.accepted) await jwtVerify(jws, keys, { issuer, audience, typ: 'secevent+jwt' })
    await second.stop()
  }, 240_000)
})
