import { generateKeyPairSync, sign } from 'node:crypto'
import { afterEach, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader, importJWK, jwtVerify } from 'jose'
import { Failure } from '../../src/errors/failure.ts'
import {
  type Courier,
  type CourierNeeds,
  mostAttempts,
  secondsBeforeNextTry,
  startCourier,
} from '../../src/logout/courier.ts'
import { deliver } from '../../src/logout/deliver.ts'
import type { LogoutDelivery } from '../../src/logout/logout.ts'
import type { OutboundAnswer, OutboundRequest } from '../../src/outbound/exchange.ts'
import { eventually } from '../harness/eventually.ts'
import { delivery, MemoryOutbox } from './memory-outbox.ts'

const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' })
const signer = {
  kid: 'one',
  alg: 'ES256',
  publicJwk: publicKey.export({ format: 'jwk' }),
  sign: async (data: Uint8Array) => sign('sha256', data, { key: privateKey, dsaEncoding: 'ieee-p1363' }),
}
const now = new Date()
const answer = (status: number, body = ''): OutboundAnswer => ({
  status,
  headers: new Headers(),
  body: Buffer.from(body),
})
type Ask = (url: string, request: OutboundRequest) => Promise<OutboundAnswer>

const needs = (fetch: Ask) => ({
  issuer: 'https://id.example',
  keys: () => ({ signers: [signer] }),
  fetch: fetch as CourierNeeds['fetch'],
  now: () => now,
})
const once = (fetch: Ask, given: LogoutDelivery = delivery('1')) =>
  deliver(given, needs(fetch), new AbortController().signal)

describe('a try to deliver a logout token', () => {
  test('posts the token as a form, with the claims that the specification requires', async () => {
    let sent: OutboundRequest = {}
    await once(async (_url, request) => {
      sent = request
      return answer(200)
    })
    expect([sent.method, sent.headers?.['content-type']]).toEqual(['POST', 'application/x-www-form-urlencoded'])
    const token = new URLSearchParams(String(sent.body)).get('logout_token') ?? ''
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', kid: 'one', typ: 'logout+jwt' })
    const { payload } = await jwtVerify(token, await importJWK(signer.publicJwk, 'ES256'))
    const iat = Math.floor(now.getTime() / 1000)
    expect(payload).toEqual({
      iss: 'https://id.example',
      aud: 'shop',
      sub: 'acc_ada',
      sid: 'sid-1',
      iat,
      exp: iat + 120,
      jti: expect.any(String),
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    })
  })

  test('has a new jti each time, so that an app does not refuse a retry as a replay', async () => {
    const seen = new Set<unknown>()
    for (let time = 0; time < 3; time += 1)
      await once(async (_url, { body }) => {
        seen.add(decodeJwt(new URLSearchParams(String(body)).get('logout_token') ?? '').jti)
        return answer(503)
      })
    expect(seen.size).toBe(3)
  })

  test.each([
    [200, 'delivered'],
    [204, 'delivered'],
    [400, 'refused'],
    [201, 'again'],
    [202, 'again'],
    [302, 'again'],
    [401, 'again'],
    [404, 'again'],
    [429, 'again'],
    [500, 'again'],
    [503, 'again'],
  ])('with response %i has the result %s', async (status, outcome) => {
    expect((await once(async () => answer(status))).outcome).toBe(outcome)
  })

  test.each([
    ['{"error":"invalid_request"}', 'The app answered 400 (invalid_request).'],
    ['{"error":{"a":1}}', 'The app answered 400.'],
    ['<html>', 'The app answered 400.'],
    [`{"error":"${'x'.repeat(5000)}"}`, expect.stringMatching(/^.{30,120}$/)],
    ['{"error":"a\\u001b[31m\\u0000\\n"}', expect.not.stringMatching(/\p{Cc}/u)],
  ])('reports the error code of the app only when it is short plain text: case %#', async (body, error) => {
    expect(await once(async () => answer(400, body))).toEqual({ outcome: 'refused', error })
  })

  test.each<[string, Ask, LogoutDelivery, string, RegExp]>([
    [
      'the app cannot be reached',
      async () => Promise.reject(new Failure('outbound_unreachable', 'unavailable', 'No.')),
      delivery('1'),
      'again',
      /^No\.$/,
    ],
    [
      'an unexpected error occurs',
      async () => Promise.reject(new Error('secret')),
      delivery('1'),
      'again',
      /^(?!.*secret)/,
    ],
    [
      'no key signs with its algorithm',
      async () => answer(200),
      delivery('1', { alg: 'RS256' }),
      'again',
      /CLAVIGER_SIGNING_ALGORITHMS/,
    ],
    [
      'the app has removed its logout URI',
      async () => answer(200),
      delivery('1', { uri: undefined }),
      'refused',
      /no longer has a logout URI/,
    ],
  ])('fails with a reason when %s', async (_, fetch, given, outcome, error) => {
    expect(await once(fetch, given)).toEqual({ outcome, error: expect.stringMatching(error) })
  })
})

describe('the logout courier', () => {
  let courier: Courier | undefined
  const record: [string, unknown][] = []
  afterEach(async () => {
    await courier?.stop()
    record.length = 0
  })

  function start(outbox: MemoryOutbox, fetch: Ask): void {
    courier = startCourier({
      ...needs(fetch),
      outbox,
      events: {
        logoutDelivered: (about) => record.push(['delivered', about]),
        logoutFailed: (about) => record.push(['failed', about]),
      },
      tried: (outcome) => record.push(['tried', outcome]),
      onTrouble: (error) => record.push(['trouble', error]),
      pollMs: 5,
    })
  }
  const settled = (outbox: MemoryOutbox, count: number) =>
    eventually(() => (outbox.settled.size >= count ? true : undefined))

  test('records the result of each delivery', async () => {
    const outbox = new MemoryOutbox(
      delivery('1'),
      delivery('2', { clientId: 'refuses' }),
      delivery('3', { clientId: 'sleeps' }),
      delivery('4', { clientId: 'sleeps', attempts: mostAttempts }),
    )
    start(outbox, async (_url, { body }) => {
      const { aud } = decodeJwt(new URLSearchParams(String(body)).get('logout_token') ?? '')
      return answer({ shop: 200, refuses: 400, sleeps: 503 }[String(aud)] ?? 500)
    })
    await settled(outbox, 4)
    expect(Object.fromEntries(outbox.settled)).toEqual({
      1: { outcome: 'delivered' },
      2: { outcome: 'failed', error: 'The app answered 400.' },
      3: { outcome: 'again', error: 'The app answered 503.', afterSeconds: expect.any(Number), counts: true },
      4: { outcome: 'failed', error: 'The app answered 503.' },
    })
    const about = { accountId: 'acc_ada', attempts: 1 }
    expect(record).toEqual(
      expect.arrayContaining([
        ['tried', 'delivered'],
        ['tried', 'refused'],
        ['tried', 'again'],
        ['delivered', { ...about, clientId: 'shop', session: 'uid-1' }],
        ['failed', { ...about, clientId: 'refuses', session: 'uid-2', error: 'The app answered 400.' }],
      ]),
    )
    expect(record.filter(([what]) => what === 'failed')).toHaveLength(2)
  })

  test('still delivers to other apps while one app does not respond', async () => {
    const slow = Array.from({ length: 50 }, (_, index) => delivery(`slow-${index}`, { clientId: 'slow' }))
    const outbox = new MemoryOutbox(...slow, delivery('quick'))
    let asked = 0
    const silence = new AbortController()
    start(outbox, async (_url, { body, signal = silence.signal }) => {
      const { aud } = decodeJwt(new URLSearchParams(String(body)).get('logout_token') ?? '')
      if (aud !== 'slow' || silence.signal.aborted) return answer(200)
      asked += 1
      const enough = AbortSignal.any([signal, silence.signal])
      return new Promise((_resolve, reject) => enough.addEventListener('abort', () => reject(new Error('silence'))))
    })
    await settled(outbox, 1)
    expect([...outbox.settled.keys()]).toEqual(['quick'])
    expect(asked).toBe(4)
    silence.abort()
    await settled(outbox, 51)
    expect(outbox.settled.size).toBe(51)
  })

  test('leaves running deliveries to other nodes when it is stopped, and does not count the try', async () => {
    const outbox = new MemoryOutbox(delivery('1'))
    let isAsked = false
    start(outbox, async (_url, { signal }) => {
      isAsked = true
      return new Promise((_resolve, reject) => signal?.addEventListener('abort', () => reject(signal.reason)))
    })
    await eventually(() => isAsked || undefined)
    await courier?.stop()
    expect(outbox.settled.get('1')).toMatchObject({ outcome: 'again', afterSeconds: 0, counts: false })
  })

  test('continues after the outbox was unavailable', async () => {
    const outbox = new MemoryOutbox(delivery('1'))
    const take = outbox.take.bind(outbox)
    let failures = 3
    outbox.take = async (...given) => {
      failures -= 1
      if (failures >= 0) throw new Error('away')
      return take(...given)
    }
    start(outbox, async () => answer(204))
    await settled(outbox, 1)
    expect(record.filter(([what]) => what === 'trouble')).toHaveLength(3)
  })
})

test('the time between tries grows to at most an hour, and the tries end within a day', () => {
  const waits = Array.from({ length: mostAttempts - 1 }, (_, tries) => secondsBeforeNextTry(tries + 1, () => 0.5))
  expect(waits.slice(0, 4)).toEqual([5, 10, 20, 40])
  expect(Math.max(...waits)).toBe(3600)
  expect(waits.reduce((sum, seconds) => sum + seconds)).toBeLessThan(86_400)
  for (const random of [0, 0.999]) {
    const seconds = secondsBeforeNextTry(1, () => random)
    expect(seconds).toBeGreaterThanOrEqual(4)
    expect(seconds).toBeLessThanOrEqual(6)
  }
})
