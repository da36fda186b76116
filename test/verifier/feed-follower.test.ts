/** The receiver's rules of docs/revocation-feed.md, over real connections. */
import { afterEach, beforeEach, describe, expect, test } from '@jest/globals'
import { judge, openStage, outcome, type Stage, until } from './stage.ts'
import { json, newKey } from './stand-in-issuer.ts'

let stage: Stage

beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

/** A feed that sends only what the test sends. */
async function inSilence() {
  const verifier = await stage.verifier()
  await verifier.ready()
  stage.issuer.beatEach(0)
  return verifier
}

describe('following', () => {
  test('a revocation is known as soon as its frame arrives', async () => {
    const { issuer } = stage
    const verifier = await stage.verifier()
    await verifier.ready()
    const token = await issuer.token({ jti: 'at-1' })
    expect(await outcome(verifier, token)).toBe('accepted')
    await issuer.revoke(1, 'at-1')
    await until(async () => (await outcome(verifier, token)) === 'revoked')
    expect(verifier.metrics().revoked).toEqual({ token: expect.any(Number) })
  })

  test('a token revoked before the start is refused after the snapshot', async () => {
    const { issuer } = stage
    await issuer.revoke(2, 'session-1')
    const verifier = await stage.verifier()
    await verifier.ready()
    expect(await outcome(verifier, await issuer.token())).toBe('revoked')
    expect(await outcome(verifier, await issuer.token({ sid: 'session-2' }))).toBe('accepted')
  })

  test.each([
    [1, { jti: 'x' }],
    [2, { sid: 'x' }],
    [3, { grant_id: 'x' }],
    [4, { sub: 'x' }],
    [5, { client_id: 'x' }],
  ])('an entry of kind %i revokes tokens with %o', async (kind, claims) => {
    const { issuer } = stage
    await issuer.revoke(kind, 'x')
    const verifier = await stage.verifier()
    await verifier.ready()
    expect(await outcome(verifier, await issuer.token(claims))).toBe('revoked')
    expect(await outcome(verifier, await issuer.token())).toBe('accepted')
  })

  test('an entry for a key or for the issuer revokes all of its tokens', async () => {
    const { issuer } = stage
    const second = await newKey('ES256', 'key-2')
    issuer.jwks.push(second.jwk)
    const verifier = await stage.verifier()
    await verifier.ready()
    const [old, young] = [await issuer.token(), await issuer.token({}, {}, second)]
    expect([await outcome(verifier, old), await outcome(verifier, young)]).toEqual(['accepted', 'accepted'])
    await issuer.revoke(6, 'key-1')
    await until(async () => (await outcome(verifier, old)) === 'revoked')
    expect(await outcome(verifier, young)).toBe('accepted')
    await issuer.revoke(7, issuer.issuer, issuer.nowSeconds + 1)
    await until(async () => (await outcome(verifier, young)) === 'revoked')
  })

  test('a cut-off revokes tokens issued before it and no later ones', async () => {
    const { issuer } = stage
    const verifier = await stage.verifier()
    await verifier.ready()
    const cutOff = issuer.nowSeconds + 1
    const [before, after] = [await issuer.token(), await issuer.token({ iat: cutOff })]
    await issuer.revoke(4, 'acc_1', cutOff)
    await until(async () => (await outcome(verifier, before)) === 'revoked')
    expect(await outcome(verifier, after)).toBe('accepted')
  })

  test('without an event stream the verifier polls, and revocations still arrive', async () => {
    const { issuer } = stage
    issuer.instead.set('/revocations/stream', (_, response) => json(response, {}, 404))
    const verifier = await stage.verifier()
    await verifier.ready()
    const token = await issuer.token()
    expect(await outcome(verifier, token)).toBe('accepted')
    await issuer.revoke(4, 'acc_1')
    await until(async () => (await outcome(verifier, token)) === 'revoked')
    expect(issuer.count('/revocations/changes')).toBeGreaterThan(0)
  })

  test('a stream that a proxy holds back is replaced by polling', async () => {
    const { issuer } = stage
    issuer.instead.set('/revocations/stream', (_, response) => {
      response.setHeader('content-type', 'text/event-stream').flushHeaders()
    })
    const verifier = await stage.verifier()
    await verifier.ready()
    expect(verifier.state).toBe('FRESH')
    expect(issuer.count('/revocations/changes')).toBeGreaterThan(0)
  })

  test('the transport poll sends no wait parameter, so that caches can answer', async () => {
    const { issuer } = stage
    const verifier = await stage.verifier({ revocation: { transport: 'poll' } as never })
    await verifier.ready()
    await issuer.revoke(4, 'acc_1')
    await until(async () => (await outcome(verifier, await issuer.token())) === 'revoked')
    expect(issuer.count('/revocations/stream')).toBe(0)
    expect(issuer.requests.filter((one) => one.includes('wait='))).toEqual([])
  })

  test('the key set is fetched again when the feed says that it changed', async () => {
    const { issuer } = stage
    const verifier = await stage.verifier()
    await verifier.ready()
    const next = await newKey('ES256', 'key-next')
    issuer.jwks.push(next.jwk)
    issuer.jwksVersion = 'two'
    const before = issuer.count('/jwks')
    await until(() => issuer.count('/jwks') > before)
    expect(await outcome(verifier, await issuer.token({}, {}, next))).toBe('accepted')
    expect(issuer.count('/jwks')).toBe(before + 1)
  })
})

describe('missing entries are found', () => {
  test('a gap in the log is fetched before the next frame is read', async () => {
    const { issuer, events } = stage
    const verifier = await inSilence()
    issuer.appendSilently([4, issuer.keyOf(4, 'acc_1'), null, issuer.nowSeconds + 600])
    await issuer.revoke(1, 'something-else')
    await until(async () => (await outcome(verifier, await issuer.token())) === 'revoked')
    expect(events.map(({ type }) => type)).toContain('gap')
    expect(verifier.metrics().gaps).toBe(1)
  })

  test('a heartbeat reveals entries that did not arrive', async () => {
    const { issuer } = stage
    const verifier = await inSilence()
    issuer.appendSilently([4, issuer.keyOf(4, 'acc_1'), null, issuer.nowSeconds + 600])
    await issuer.beat()
    await until(async () => (await outcome(verifier, await issuer.token())) === 'revoked')
  })

  test('reordered and duplicate frames lead to the same list', async () => {
    const { issuer } = stage
    const verifier = await inSilence()
    for (const sub of ['a', 'b', 'c']) {
      issuer.appendSilently([4, issuer.keyOf(4, sub), null, issuer.nowSeconds + 600])
    }
    const frames = await Promise.all([3, 1, 3, 2, 1].map((seq) => issuer.frame(seq, seq, [issuer.log[seq - 1]])))
    for (const frame of frames) issuer.send(frame)
    for (const sub of ['a', 'b', 'c']) {
      await until(async () => (await outcome(verifier, await issuer.token({ sub }))) === 'revoked')
    }
    expect(verifier.metrics().entries).toBe(3)
  })

  test('after 410 Gone, the verifier loads the snapshot', async () => {
    const { issuer } = stage
    const verifier = await inSilence()
    await issuer.partition()
    for (let seq = 0; seq < 5; seq += 1) {
      issuer.appendSilently([4, issuer.keyOf(4, `acc_${seq}`), null, issuer.nowSeconds + 600])
    }
    issuer.floor = 4
    await issuer.heal()
    await until(async () => (await outcome(verifier, await issuer.token())) === 'revoked')
    expect(verifier.metrics().snapshots).toBe(2)
    await until(() => verifier.state === 'FRESH')
  })

  test('after a new epoch, earlier revocations stay known', async () => {
    const { issuer } = stage
    const verifier = await stage.verifier()
    await verifier.ready()
    await issuer.revoke(4, 'acc_1')
    await until(async () => (await outcome(verifier, await issuer.token())) === 'revoked')
    issuer.epoch = '11111111-2222-4333-8444-555555555555'
    issuer.log = []
    await issuer.revoke(4, 'acc_2')
    await until(async () => (await outcome(verifier, await issuer.token({ sub: 'acc_2' }))) === 'revoked')
    await until(() => verifier.metrics().snapshots === 2 && verifier.state === 'FRESH')
    expect(await outcome(verifier, await issuer.token())).toBe('revoked')
  })
})

describe('messages that are not from the issuer are ignored', () => {
  test('forged, foreign and broken frames revoke no token and prove no freshness', async () => {
    const { issuer, events } = stage
    const verifier = await inSilence()
    const applied = verifier.metrics().framesApplied
    const event = 'urn:claviger:event:revocations'
    const evil = { epoch: issuer.epoch, from: 1, to: 1, entries: [[4, issuer.keyOf(4, 'acc_1'), null, 4e9]] }
    const forger = await newKey('RS256')
    const good = await issuer.frame(1, 1, evil.entries)
    const frames = [
      await issuer.event(event, evil, { key: forger }),
      await issuer.event(event, evil, { key: { ...forger, kid: issuer.feedKey.kid } }),
      await issuer.event(event, evil, { iss: 'https://other.example' }),
      await issuer.event(event, evil, { aud: 'https://other.example' }),
      await issuer.event(event, evil, { header: { typ: 'at+jwt' } }),
      await issuer.event('urn:other', evil),
      await issuer.event(event, { ...evil, from: 3 }),
      await issuer.event(event, { ...evil, entries: [[4, 5, null, 1]] }),
      await issuer.event(event, { ...evil, entries: 'none' }),
      good.slice(0, -4),
      good.replace(/\.[^.]+\./, `.${Buffer.from('{}').toString('base64url')}.`),
      `${Buffer.from('{"alg":"none"}').toString('base64url')}.e30.`,
      'nonsense',
      '',
    ]
    for (const frame of frames) issuer.send(frame)
    await until(() => verifier.metrics().framesRefused >= frames.length - 1)
    expect(await outcome(verifier, await issuer.token())).toBe('accepted')
    expect(verifier.metrics()).toMatchObject({ framesApplied: applied, entries: 0 })
    expect(new Set(events.flatMap((one) => (one.type === 'frame-refused' ? [one.reason] : [])))).toEqual(
      new Set(['unknown_key', 'bad_signature', 'foreign', 'malformed', 'bad_content']),
    )
  })

  test('an oversized frame ends the connection, and the next connection continues', async () => {
    const { issuer } = stage
    const verifier = await inSilence()
    const connections = verifier.metrics().feedConnections
    issuer.sendRaw(`data: ${'x'.repeat(300_000)}`)
    await until(() => verifier.metrics().feedConnections > connections)
    issuer.beatEach(100)
    await until(() => verifier.state === 'FRESH')
  })

  test('a cache that replays old frames makes the verifier STALE, not FRESH', async () => {
    const { issuer, clock, events } = stage
    const verifier = await inSilence()
    const old = await issuer.heartbeat()
    clock.pass(12_000)
    expect(verifier.state).toBe('STALE')
    for (let time = 0; time < 5; time += 1) issuer.send(old)
    await until(() => events.some(({ type }) => type === 'untimely'))
    expect(verifier.state).toBe('STALE')
    await issuer.beat()
    await until(() => verifier.state === 'FRESH')
  })

  test('an edge cache that answers every poll with the same old frames makes the verifier STALE', async () => {
    const { issuer, clock } = stage
    const old = JSON.stringify([await issuer.heartbeat()])
    const verifier = await stage.verifier({ revocation: { transport: 'poll' } as never })
    await verifier.ready()
    issuer.instead.set('/revocations/changes', (_, response) => {
      response.setHeader('content-type', 'application/json').end(old)
    })
    clock.pass(7_000)
    const before = issuer.count('/revocations/changes')
    await until(() => issuer.count('/revocations/changes') >= before + 2)
    expect(verifier.state).toBe('STALE')
  })

  test.each([
    ['of another issuer', { iss: 'https://other.example' }],
    ['with another content than in the manifest', { manifest: { sha256: 'AAAA' } }],
    ['with another number of entries than in the manifest', { manifest: { count: 7 } }],
    ['with another seq than in the manifest', { manifest: { seq: 7 } }],
    ['without a salt', { content: { salt: '' } }],
    ['with malformed entries', { content: { entries: [7] }, manifest: { count: 1 } }],
  ])('a snapshot %s is refused, and no token is accepted', async (_, over) => {
    const { issuer, events } = stage
    issuer.instead.set('/revocations/snapshot', async (_request, response) => {
      response.end(await issuer.snapshot(over))
    })
    const verifier = await stage.verifier()
    await until(() => events.some((event) => event.type === 'failure' && event.what === 'feed'))
    expect(verifier.state).toBe('COLD')
    await until(async () => (await outcome(verifier, await issuer.token())) === 'unavailable')
    issuer.instead.clear()
    await verifier.ready()
    expect(await outcome(verifier, await issuer.token())).toBe('accepted')
  })

  test.each([
    ['nothing', ''],
    ['no JSON', 'hello\nworld\n'],
    ['half of it', undefined],
  ])('a snapshot that is %s is refused', async (_, body) => {
    const { issuer, events } = stage
    const whole = await issuer.snapshot()
    issuer.instead.set('/revocations/snapshot', (_request, response) => {
      response.end(body ?? whole.slice(0, -40))
    })
    const verifier = await stage.verifier()
    await until(() => events.some((event) => event.type === 'failure' && event.what === 'feed'))
    expect(verifier.state).toBe('COLD')
  })

  test('refused credentials are reported, and retried at a limited rate', async () => {
    const { issuer, events } = stage
    const verifier = await stage.verifier({ revocation: { auth: { clientId: 'x', clientSecret: 'y' } } })
    await until(() => events.some((event) => event.type === 'failure' && String(event.error).includes('401')))
    expect(verifier.isReady).toBe(false)
    expect(issuer.count('/revocations')).toBeLessThan(20)
  })
})

describe('states and their times', () => {
  test('FRESH for five seconds, then STALE, then BLIND; and FRESH again after a recovery', async () => {
    const { issuer, clock, events } = stage
    const verifier = await stage.verifier({ revocation: { maxStaleMs: 60_000 } as never })
    await verifier.ready()
    const token = await issuer.token({ exp: issuer.nowSeconds + 3600 })
    const high = { sensitivity: 'high' } as const
    expect([verifier.state, await outcome(verifier, token)]).toEqual(['FRESH', 'accepted'])
    await issuer.partition()
    clock.pass(4_000)
    expect(verifier.state).toBe('FRESH')
    clock.pass(2_000)
    expect([verifier.state, await outcome(verifier, token)]).toEqual(['STALE', 'accepted'])
    expect(await outcome(verifier, token, high)).toBe('unavailable')
    clock.pass(50_000)
    expect([verifier.state, await outcome(verifier, token)]).toEqual(['STALE', 'accepted'])
    clock.pass(10_000)
    expect(verifier.state).toBe('BLIND')
    const verdict = await judge(verifier, token)
    expect(verdict).toMatchObject({ ok: false, status: 503, headers: { 'Retry-After': '5' } })
    expect(verdict).not.toHaveProperty('headers.WWW-Authenticate')
    await until(() => events.some((event) => event.type === 'state' && event.to === 'BLIND'))
    await issuer.heal()
    await until(() => verifier.state === 'FRESH')
    expect(await outcome(verifier, token, high)).toBe('accepted')
  })

  test('a token revoked during a partition is refused with the first frame after it', async () => {
    const { issuer, clock } = stage
    const verifier = await stage.verifier()
    await verifier.ready()
    const token = await issuer.token()
    await issuer.partition()
    clock.pass(10_000)
    issuer.appendSilently([4, issuer.keyOf(4, 'acc_1'), null, issuer.nowSeconds + 600])
    expect(await outcome(verifier, token)).toBe('accepted')
    await issuer.heal()
    await until(() => verifier.state === 'FRESH')
    expect(await outcome(verifier, token)).toBe('revoked')
  })

  test('a wall clock that is set back does not lower the age of the feed', async () => {
    const { issuer, clock } = stage
    const verifier = await inSilence()
    clock.pass(20_000)
    clock.setBack(20_000)
    expect(verifier.state).toBe('STALE')
    await issuer.partition()
    clock.pass(300_000)
    clock.setBack(300_000)
    expect(verifier.state).toBe('BLIND')
  })

  test('a route of high sensitivity asks the issuer while the feed is stale', async () => {
    const { issuer, clock } = stage
    const verifier = await inSilence()
    const [good, bad] = [await issuer.token(), await issuer.token()]
    issuer.inactive.add(bad)
    clock.pass(8_000)
    expect(verifier.state).toBe('STALE')
    const high = { sensitivity: 'high' } as const
    expect([await outcome(verifier, good, high), await outcome(verifier, bad, high)]).toEqual(['accepted', 'revoked'])
    expect([await outcome(verifier, good), await outcome(verifier, bad)]).toEqual(['accepted', 'accepted'])
  })

  test('a route with introspect asks the issuer for every request', async () => {
    const { issuer } = stage
    const verifier = await stage.verifier()
    await verifier.ready()
    const token = await issuer.token()
    expect(await outcome(verifier, token, { introspect: true })).toBe('accepted')
    issuer.inactive.add(token)
    expect(await outcome(verifier, token, { introspect: true })).toBe('revoked')
    issuer.instead.set('/introspect', () => undefined)
    expect(await outcome(verifier, token, { introspect: true })).toBe('unavailable')
  })

  test('failOpen accepts tokens while BLIND, but not for high sensitivity', async () => {
    const { issuer, clock } = stage
    const verifier = await stage.verifier({ revocation: { failOpen: true } as never })
    await verifier.ready()
    const token = await issuer.token({ exp: issuer.nowSeconds + 3600 })
    await issuer.partition()
    clock.pass(301_000)
    expect([verifier.state, await outcome(verifier, token)]).toEqual(['BLIND', 'accepted'])
    expect(await outcome(verifier, token, { sensitivity: 'high' })).toBe('unavailable')
  })

  test('more entries than maxEntries make the verifier BLIND', async () => {
    const { issuer, events } = stage
    const verifier = await stage.verifier({ revocation: { maxEntries: 3 } as never })
    await verifier.ready()
    for (const sub of ['a', 'b', 'c', 'd']) await issuer.revoke(4, sub)
    await until(async () => (await outcome(verifier, await issuer.token())) === 'unavailable')
    expect(verifier.state).toBe('BLIND')
    expect(events.map(({ type }) => type)).toContain('overflow')
    issuer.log = issuer.log.slice(0, 3)
    issuer.epoch = '11111111-2222-4333-8444-555555555555'
    await until(() => verifier.state === 'FRESH')
    expect(await outcome(verifier, await issuer.token())).toBe('accepted')
  })
})
