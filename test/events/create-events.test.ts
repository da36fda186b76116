import { describe, expect, test } from '@jest/globals'
import { createEvents, type Events } from '../../src/events/create-events.ts'
import { eventKinds } from '../../src/events/event-kinds.ts'
import { createMetrics } from '../../src/events/metrics.ts'
import { eventsUnderTest, linesOf } from './events.ts'

const about = { accountId: 'acc_1', clientId: 'orders', source: '192.0.2.7', requestId: 'req-1' }

/** Each function that leaves an audit entry, the kind of it, and who is named as the one who did it. */
const recorded: [string, (events: Events) => void, string][] = [
  ['sign-in.succeeded', (e) => e.signInSucceeded({ ...about, amr: ['pwd'] }), 'account:acc_1'],
  ['sign-in.rejected', (e) => e.signInRejected({ ...about, reason: 'wrong-password' }), 'anonymous'],
  ['sign-in.throttled', (e) => e.signInRejected({ ...about, reason: 'throttled' }), 'anonymous'],
  ['session.signed-out', (e) => e.signedOut(about), 'account:acc_1'],
  ['session.ended', (e) => e.sessionEnded({ ...about, session: 'uid', actor: 'cli:root' }), 'cli:root'],
  ['backchannel-logout.delivered', (e) => e.logoutDelivered({ ...about, session: 'uid', attempts: 1 }), 'schedule'],
  [
    'backchannel-logout.failed',
    (e) => e.logoutFailed({ ...about, session: 'uid', attempts: 15, error: 'The app answered 503.' }),
    'schedule',
  ],
  ['consent.granted', (e) => e.consentGranted({ ...about, scopes: ['openid'] }), 'account:acc_1'],
  ['consent.denied', (e) => e.consentDenied(about), 'account:acc_1'],
  ['grant.revoked', (e) => e.grantRevoked({ ...about, grantId: 'g1' }), 'account:acc_1'],
  ['token.revoked', (e) => e.tokenRevoked(about), 'client:orders'],
  ['token.misused', (e) => e.tokenMisused({ ...about, owner: 'shop' }), 'client:orders'],
  ['token.forged', (e) => e.tokenForged({ ...about, kid: 'k1', jti: 'j1' }), 'anonymous'],
  [
    'scope.refused',
    (e) => e.scopeRefused({ ...about, scopes: 'orders:write', granted: '', apis: [], isNews: true }),
    'client:orders',
  ],
  ['redirect-uri.refused', (e) => e.redirectUriRefused({ ...about, received: 'https://a.example/' }), 'client:orders'],
  ['origin.refused', (e) => e.originRefused({ ...about, origin: 'https://evil.example' }), 'client:orders'],
  ['server.error', (e) => e.serverError({ ...about, error: new TypeError('x') }), 'account:acc_1'],
]

describe('each event leaves one audit entry, a log line with the request id, and one count', () => {
  test.each(recorded)('the event %s', async (kind, act, actor) => {
    const { events, entries, lines, count } = eventsUnderTest()
    act(events)
    expect(entries).toEqual([expect.objectContaining({ kind, actor, requestId: 'req-1' })])
    expect(lines()).toContainEqual(
      expect.objectContaining({ event: kind, requestId: 'req-1', msg: eventKinds[kind as keyof typeof eventKinds][1] }),
    )
    expect(await count(`claviger_events_total{kind="${kind}"}`)).toBe(1)
  })
})

describe('failed sign-ins are visible', () => {
  test('account, app, source and reason of a failed sign-in are recorded, with the actor anonymous', () => {
    const { events, entries } = eventsUnderTest()
    events.signInRejected({ ...about, reason: 'wrong-password' })
    expect(entries).toEqual([
      { kind: 'sign-in.rejected', actor: 'anonymous', ...about, detail: { reason: 'wrong-password' } },
    ])
  })

  test('sign-ins are counted by result', async () => {
    const { events, count } = eventsUnderTest()
    for (const reason of ['wrong-password', 'wrong-password', 'unknown', 'something new'])
      events.signInRejected({ reason })
    events.signInSucceeded({ accountId: 'acc_1', amr: ['pwd'] })
    expect(await count('claviger_sign_ins_total{result="wrong-password"}')).toBe(2)
    expect(await count('claviger_sign_ins_total{result="unknown"}')).toBe(1)
    expect(await count('claviger_sign_ins_total{result="other"}')).toBe(1)
    expect(await count('claviger_sign_ins_total{result="succeeded"}')).toBe(1)
  })

  test('extra fields of an event are not recorded', () => {
    const { events, entries, written } = eventsUnderTest()
    events.signInRejected({ ...about, reason: 'unknown', login: 'hunter2', password: 'hunter2' } as never)
    expect(JSON.stringify(entries) + written.join()).not.toContain('hunter2')
  })
})

describe('a refused redirect URI is in the log with the closest registered one and the differing part', () => {
  test('with the request id that the page shows', () => {
    const { events, lines, entries } = eventsUnderTest()
    const explained = {
      received: 'https://a.example/cb/',
      closest: 'https://a.example/cb',
      difference: 'The path has an extra trailing slash.',
    }
    events.redirectUriRefused({ clientId: 'orders', requestId: 'req-1', ...explained })
    expect(lines()).toEqual([
      expect.objectContaining({ level: 'warn', requestId: 'req-1', clientId: 'orders', detail: explained }),
    ])
    expect(entries[0]?.detail).toEqual(explained)
  })
})

describe('tokens', () => {
  test.each(['code.reused', 'refresh-token.reused'] as const)(
    '%s is logged and counted only: the database has written its audit entry with the revocation',
    async (kind) => {
      const { events, entries, lines, count } = eventsUnderTest()
      events.replayEnded({ ...about, kind, grantId: 'g1' })
      expect(entries).toEqual([])
      expect(lines()).toEqual([expect.objectContaining({ event: kind, level: 'warn', detail: { grantId: 'g1' } })])
      expect(await count(`claviger_events_total{kind="${kind}"}`)).toBe(1)
    },
  )

  test('an issued token is only counted', async () => {
    const { events, entries, written, count } = eventsUnderTest()
    events.tokenIssued('client_credentials')
    expect([entries, written]).toEqual([[], []])
    expect(await count('claviger_tokens_total{grant="client_credentials",result="ok"}')).toBe(1)
  })

  test('a refused token request is counted by its error, and the log has the detail that the app does not get', async () => {
    const { events, entries, lines, count } = eventsUnderTest()
    events.tokenRefused({
      ...about,
      grantType: 'refresh_token',
      error: 'invalid_grant',
      detail: 'refresh token is expired',
    })
    expect(entries).toEqual([])
    expect(lines()).toEqual([
      expect.objectContaining({ error: 'invalid_grant', detail: 'refresh token is expired', requestId: 'req-1' }),
    ])
    expect(await count('claviger_tokens_total{grant="refresh_token",result="invalid_grant"}')).toBe(1)
  })

  test('values from requests never become labels', async () => {
    const { events, metrics } = eventsUnderTest()
    for (let n = 0; n < 100; n += 1) {
      events.tokenIssued(`grant-${n}`)
      events.tokenRefused({ grantType: `grant-${n}`, error: `error-${n}` })
      events.record({ kind: `kind-${n}`, actor: 'x' })
    }
    expect(await metrics.registry.metrics()).not.toMatch(/grant-\d|error-\d|kind-\d/)
  })
})

test('an internal error is logged with its cause, and audited by name only', () => {
  const { events, entries, lines } = eventsUnderTest()
  events.serverError({ requestId: 'req-1', error: new TypeError('x is undefined', { cause: new Error('beneath') }) })
  expect(lines()[0]).toMatchObject({
    level: 'error',
    error: { type: 'TypeError', message: 'x is undefined', cause: { message: 'beneath' } },
  })
  expect(entries[0]?.detail).toEqual({ error: 'TypeError' })
})

test('a failure of audit log, log or metrics does not fail the request', () => {
  const fails = () => {
    throw new Error('broken')
  }
  const { log, lines } = linesOf()
  const events = createEvents({ audit: { write: fails }, log, metrics: createMetrics({ processMetrics: false }) })
  expect(() => events.signedOut(about)).not.toThrow()
  expect(lines().map(({ msg }) => msg)).toEqual(['An event could not be recorded', 'A person signed out'])
  const mute = { debug: fails, info: fails, warn: fails, error: fails }
  expect(() =>
    createEvents({
      audit: { write: fails },
      log: mute,
      metrics: createMetrics({ processMetrics: false }),
    }).signedOut(about),
  ).not.toThrow()
})
