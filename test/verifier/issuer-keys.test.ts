/** The public keys: fresh without a herd, and old ones no longer than is safe. */
import { afterEach, beforeEach, expect, test } from '@jest/globals'
import { openStage, outcome, type Stage, until } from './stage.ts'
import { json, newKey } from './stand-in-issuer.ts'

let stage: Stage

beforeEach(async () => {
  stage = await openStage()
})
afterEach(() => stage.close())

const offline = { revocation: undefined }

test('hundreds of tokens with unknown keys cause no more fetches than the burst', async () => {
  const { issuer } = stage
  const verifier = await stage.verifier(offline)
  await verifier.ready()
  const before = issuer.count('/jwks')
  const tokens = await Promise.all(Array.from({ length: 200 }, (_, index) => issuer.token({}, { kid: `kid-${index}` })))
  const outcomes = await Promise.all(tokens.map((token) => outcome(verifier, token)))
  for (const token of tokens) outcomes.push(await outcome(verifier, token))
  for (let more = 0; more < 50; more += 1)
    outcomes.push(await outcome(verifier, await issuer.token({}, { kid: `new-${more}` })))
  expect(new Set(outcomes)).toEqual(new Set(['unknown_key']))
  expect(issuer.count('/jwks') - before).toBeLessThanOrEqual(3)
})

test('a token of another issuer causes no fetch of the key set', async () => {
  const { issuer } = stage
  const verifier = await stage.verifier(offline)
  await verifier.ready()
  const before = issuer.count('/jwks')
  const token = await issuer.token({ iss: 'https://other.example' }, { kid: 'other' })
  expect(await outcome(verifier, token)).toBe('wrong_issuer')
  expect(issuer.count('/jwks')).toBe(before)
})

test('the first tokens of a new key cause one fetch, and are accepted', async () => {
  const { issuer } = stage
  const verifier = await stage.verifier(offline)
  await verifier.ready()
  const next = await newKey('ES256', 'key-next')
  issuer.jwks.push(next.jwk)
  const before = issuer.count('/jwks')
  const tokens = await Promise.all(Array.from({ length: 50 }, () => issuer.token({}, {}, next)))
  const outcomes = await Promise.all(tokens.map((token) => outcome(verifier, token)))
  expect(new Set(outcomes)).toEqual(new Set(['accepted']))
  expect(issuer.count('/jwks')).toBe(before + 1)
})

test('tokens of a removed key are refused, cached tokens included', async () => {
  const { issuer } = stage
  const verifier = await stage.verifier(offline)
  await verifier.ready()
  const token = await issuer.token()
  expect(await outcome(verifier, token)).toBe('accepted')
  const next = await newKey('ES256', 'key-next')
  issuer.jwks = [next.jwk]
  // Any new kid makes it look again.
  expect(await outcome(verifier, await issuer.token({}, {}, next))).toBe('accepted')
  expect(await outcome(verifier, token)).toBe('unknown_key')
})

test('without a feed, keys that cannot be refreshed are used for ten minutes, then requests get 503', async () => {
  const { issuer, clock } = stage
  const verifier = await stage.verifier(offline)
  await verifier.ready()
  const token = await issuer.token({ exp: issuer.nowSeconds + 86_400 })
  expect(await outcome(verifier, token)).toBe('accepted')
  issuer.instead.set('/jwks', (_, response) => json(response, {}, 500))
  clock.pass(599_000)
  expect(await outcome(verifier, token)).toBe('accepted')
  clock.pass(2_000)
  expect(await outcome(verifier, token)).toBe('unavailable')
  issuer.instead.clear()
  expect(await outcome(verifier, token)).toBe('accepted')
})

test('while the feed is FRESH, keys are used for a day, since the feed reports revoked keys', async () => {
  const { issuer, clock } = stage
  const verifier = await stage.verifier()
  await verifier.ready()
  const token = await issuer.token({ exp: issuer.nowSeconds + 172_800 })
  issuer.instead.set('/jwks', (_, response) => json(response, {}, 500))
  clock.pass(80_000_000)
  await until(() => verifier.state === 'FRESH')
  expect(await outcome(verifier, token)).toBe('accepted')
  clock.pass(8_000_000)
  await until(() => verifier.state === 'FRESH')
  expect(await outcome(verifier, token)).toBe('unavailable')
})

test.each([
  ['no JSON', 'hello'],
  ['no key set', '{"keys":7}'],
  ['endless', `{"keys":[${'{},'.repeat(600_000)}{}]}`],
])('a key set that is %s does not replace the known keys', async (_, body) => {
  const { issuer, events } = stage
  const verifier = await stage.verifier(offline)
  await verifier.ready()
  issuer.instead.set('/jwks', (_request, response) => {
    response.end(body)
  })
  await outcome(verifier, await issuer.token({}, { kid: 'unknown' }))
  await until(() => events.some((event) => event.type === 'failure' && event.what === 'jwks'))
  expect(await outcome(verifier, await issuer.token())).toBe('accepted')
})

test('while the issuer is unreachable at the start, requests get 503 and the verifier retries', async () => {
  const { issuer } = stage
  await issuer.partition()
  const verifier = await stage.verifier()
  expect(verifier.isReady).toBe(false)
  expect(await outcome(verifier, await issuer.token())).toBe('unavailable')
  await issuer.heal()
  await verifier.ready()
  expect(await outcome(verifier, await issuer.token())).toBe('accepted')
})

test('a redirect is not followed, since it could send credentials to another server', async () => {
  const { issuer, events } = stage
  issuer.instead.set('/revocations/snapshot', (_, response) => {
    response.statusCode = 302
    response.setHeader('location', '/elsewhere').end()
  })
  const verifier = await stage.verifier()
  await until(() => events.some((event) => event.type === 'failure' && event.what === 'feed'))
  expect([verifier.state, issuer.count('/elsewhere')]).toEqual(['COLD', 0])
})

test('a discovery document of another issuer is refused', async () => {
  const { issuer, events } = stage
  issuer.instead.set('/.well-known/openid-configuration', (_, response) =>
    json(response, { issuer: 'https://other.example', jwks_uri: `${issuer.issuer}/jwks` }),
  )
  const verifier = await stage.verifier(offline)
  await until(() => events.some((event) => event.type === 'failure' && event.what === 'jwks'))
  expect(verifier.isReady).toBe(false)
})
