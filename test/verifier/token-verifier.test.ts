/** Accepted and refused tokens without a feed, and the responses. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { exportJWK, generateKeyPair, SignJWT } from 'jose'
import { createVerifier, type Verifier } from '../../packages/verifier/src/verifier.ts'
import { bearer, judge, openStage, outcome, type Stage } from './stage.ts'
import { audience, newKey } from './stand-in-issuer.ts'

let stage: Stage
let verifier: Verifier

beforeAll(async () => {
  stage = await openStage()
  verifier = await stage.verifier({ revocation: undefined })
  await verifier.ready()
})
afterAll(() => stage.close())

describe('without a feed', () => {
  test('a valid token is accepted, and its claims are returned', async () => {
    const verdict = await judge(verifier, await stage.issuer.token({ scope: 'orders:read orders:write' }))
    expect(verdict).toMatchObject({ ok: true, state: 'OFF', token: { subject: 'acc_1', clientId: 'app' } })
    if (verdict.ok) expect([...verdict.token.scopes]).toEqual(['orders:read', 'orders:write'])
    expect(verifier.state).toBe('OFF')
  })

  test('a second request with the same token gets the same verdict without a signature check', async () => {
    const token = await stage.issuer.token()
    const { cacheHits } = verifier.metrics()
    expect([await outcome(verifier, token), await outcome(verifier, token)]).toEqual(['accepted', 'accepted'])
    expect(verifier.metrics().cacheHits).toBe(cacheHits + 1)
  })

  test('claims cannot be changed by one request for the next', async () => {
    const verdict = await judge(verifier, await stage.issuer.token({ roles: ['reader'] }))
    if (!verdict.ok) throw new Error('refused')
    expect(() => Object.assign(verdict.token.claims, { sub: 'acc_2' })).toThrow(TypeError)
    expect(() => (verdict.token.claims.roles as string[]).push('admin')).toThrow(TypeError)
  })

  test('a route of high sensitivity does not accept a token without introspection', async () => {
    const token = await stage.issuer.token()
    expect(await outcome(verifier, token, { sensitivity: 'high' })).toBe('unavailable')
  })

  test('a token is accepted for each of its audiences', async () => {
    const several = await stage.issuer.token({ aud: ['https://other.example', audience] })
    expect(await outcome(verifier, several)).toBe('accepted')
  })

  test('a cached token is refused after its expiry', async () => {
    const token = await stage.issuer.token({ exp: stage.issuer.nowSeconds + 30 })
    expect(await outcome(verifier, token)).toBe('accepted')
    stage.clock.pass(31_000)
    expect(await outcome(verifier, token)).toBe('accepted')
    stage.clock.pass(6_000)
    expect(await outcome(verifier, token)).toBe('expired')
  })
})

describe('refusals', () => {
  let forger: Awaited<ReturnType<typeof newKey>>
  beforeAll(async () => {
    forger = await newKey('ES256', 'key-1')
  })

  const withPart = (token: string, index: number, value: object) =>
    token
      .split('.')
      .map((part, at) => (at === index ? Buffer.from(JSON.stringify(value)).toString('base64url') : part))
      .join('.')

  test.each([
    ['signed by another key under a known kid', 'bad_signature', () => stage.issuer.token({}, {}, forger)],
    ['with an unknown kid', 'unknown_key', () => stage.issuer.token({}, { kid: 'nobody' })],
    ['without a kid', 'malformed_token', () => stage.issuer.token({}, { kid: undefined })],
    ['that is an ID token', 'wrong_type', () => stage.issuer.token({}, { typ: 'JWT' })],
    ['without a type', 'wrong_type', () => stage.issuer.token({}, { typ: undefined })],
    ['of another issuer', 'wrong_issuer', () => stage.issuer.token({ iss: 'https://other.example' })],
    ['for another API', 'wrong_audience', () => stage.issuer.token({ aud: 'https://other.example' })],
    ['without an audience', 'wrong_audience', () => stage.issuer.token({ aud: undefined })],
    ['that has expired', 'expired', () => stage.issuer.token({ exp: stage.issuer.nowSeconds - 6 })],
    ['that never expires', 'missing_claim', () => stage.issuer.token({ exp: undefined })],
    ['of tomorrow', 'not_yet_valid', () => stage.issuer.token({ nbf: stage.issuer.nowSeconds + 60 })],
    ['issued tomorrow', 'not_yet_valid', () => stage.issuer.token({ iat: stage.issuer.nowSeconds + 60 })],
    ['without iat', 'missing_claim', () => stage.issuer.token({ iat: undefined })],
    ['without a subject', 'missing_claim', () => stage.issuer.token({ sub: undefined })],
    ['without a client', 'missing_claim', () => stage.issuer.token({ client_id: undefined })],
    ['without a jti', 'missing_claim', () => stage.issuer.token({ jti: undefined })],
    ['bound by an unknown method', 'binding', () => stage.issuer.token({ cnf: { other: 'x' } })],
    [
      'with changed claims',
      'bad_signature',
      async () => withPart(await stage.issuer.token(), 1, { iss: stage.issuer.issuer }),
    ],
    [
      'with alg none',
      'wrong_algorithm',
      async () => withPart(await stage.issuer.token(), 0, { alg: 'none', kid: 'key-1' }),
    ],
    [
      'with a symmetric algorithm',
      'wrong_algorithm',
      async () => withPart(await stage.issuer.token(), 0, { alg: 'HS256', kid: 'key-1' }),
    ],
    [
      'with an algorithm that is not allowed here',
      'wrong_algorithm',
      async () => stage.issuer.token({}, {}, await newKey('RS256', 'key-1')),
    ],
    [
      'with demands on its reader',
      'malformed_token',
      async () => withPart(await stage.issuer.token(), 0, { alg: 'ES256', kid: 'key-1', crit: ['exp'] }),
    ],
    ['that is no JWT', 'malformed_token', async () => 'opaque'],
    ['with four parts', 'malformed_token', async () => `${await stage.issuer.token()}.x`],
    ['with a header that is no JSON', 'malformed_token', async () => 'AAAA.AAAA.AAAA'],
    ['of endless length', 'malformed_token', async () => `${'A'.repeat(20_000)}.A.A`],
  ])('a token %s is refused: %s', async (_, reason, make) => {
    expect(await outcome(verifier, await make())).toBe(reason)
  })

  test('a refused token is not cached', async () => {
    const { cachedTokens } = verifier.metrics()
    await outcome(verifier, await stage.issuer.token({ aud: 'https://other.example' }))
    await outcome(verifier, await stage.issuer.token({}, {}, forger))
    expect(verifier.metrics().cachedTokens).toBe(cachedTokens)
  })

  test.each([
    ['nothing', undefined, 401, 'Bearer, DPoP algs="ES256 Ed25519 EdDSA PS256 RS256"', undefined],
    ['another scheme', 'Basic YTpi', 401, 'Bearer, DPoP algs="ES256 Ed25519 EdDSA PS256 RS256"', undefined],
    ['two tokens', 'Bearer a, Bearer b', 400, expect.stringContaining('error="invalid_request"'), 'invalid_request'],
    ['no token', 'Bearer', 400, expect.stringContaining('error="invalid_request"'), 'invalid_request'],
    [
      'nonsense',
      'bearer x',
      401,
      expect.stringMatching(/^Bearer error="invalid_token", error_description="[^"]+"$/),
      'invalid_token',
    ],
  ])(
    'an Authorization header with %s is answered according to RFC 6750',
    async (_, authorization, status, challenge, error) => {
      const verdict = await verifier.verify({ authorization })
      expect(verdict).toMatchObject({
        ok: false,
        status,
        headers: { 'WWW-Authenticate': challenge, 'Cache-Control': 'no-store' },
      })
      expect(verdict.ok || verdict.error).toBe(error)
    },
  )
})

describe('what a route demands', () => {
  test('a token without every required scope is refused', async () => {
    const token = await stage.issuer.token({ scope: 'a b' })
    expect(await outcome(verifier, token, { scope: 'a b' })).toBe('accepted')
    expect(await outcome(verifier, token, { scope: ['a', 'b'] })).toBe('accepted')
    const verdict = await judge(verifier, token, { scope: ['a', 'c'] })
    expect(verdict).toMatchObject({ status: 403, error: 'insufficient_scope' })
    expect(verdict.ok || verdict.headers['WWW-Authenticate']).toContain('scope="a c"')
  })

  test('a sign-in older than maxAge is refused with max_age in the challenge (RFC 9470)', async () => {
    const token = await stage.issuer.token({ auth_time: stage.issuer.nowSeconds - 100 })
    expect(await outcome(verifier, token, { maxAge: 200 })).toBe('accepted')
    const verdict = await judge(verifier, token, { maxAge: 60 })
    expect(verdict).toMatchObject({ status: 401, error: 'insufficient_user_authentication' })
    expect(verdict.ok || verdict.headers['WWW-Authenticate']).toContain('max_age="60"')
    expect(await outcome(verifier, await stage.issuer.token(), { maxAge: 60 })).toBe('step_up')
  })

  test('a sign-in with another acr is refused with acr_values in the challenge (RFC 9470)', async () => {
    const token = await stage.issuer.token({ acr: 'mfa' })
    expect(await outcome(verifier, token, { acr: ['mfa', 'phr'] })).toBe('accepted')
    const verdict = await judge(verifier, token, { acr: 'phr phrh' })
    expect(verdict.ok || verdict.headers['WWW-Authenticate']).toContain('acr_values="phr phrh"')
  })
})

describe('algorithms', () => {
  test.each(['ES256', 'ES384', 'ES512', 'RS256', 'PS256', 'EdDSA', 'Ed25519'] as const)('%s', async (alg) => {
    const { privateKey, publicKey } = await generateKeyPair(alg)
    stage.issuer.jwks = [{ ...(await exportJWK(publicKey)), kid: alg, alg, use: 'sig' }]
    const own = await stage.verifier({ revocation: undefined, algorithms: [alg] })
    await own.ready()
    const iat = stage.issuer.nowSeconds
    const token = await new SignJWT({
      iss: stage.issuer.issuer,
      aud: audience,
      sub: 's',
      client_id: 'c',
      jti: 'j',
      iat,
      exp: iat + 60,
    })
      .setProtectedHeader({ alg, kid: alg, typ: 'application/at+jwt' })
      .sign(privateKey)
    expect(await outcome(own, token)).toBe('accepted')
    const [head, claims, signature = ''] = token.split('.')
    const broken = `${head}.${claims}.${signature.startsWith('A') ? 'B' : 'A'}${signature.slice(1)}`
    expect(await outcome(own, broken)).toBe('bad_signature')
    for (const odd of ['AA', 'A'.repeat(86), 'A'.repeat(4_000)]) {
      expect(await outcome(own, `${head}.${claims}.${odd}`)).toBe('bad_signature')
    }
  })
})

describe('options', () => {
  test('one error names every wrong option', async () => {
    const wrong = {
      issuer: 'http://id.example/',
      audience: '',
      algorithms: ['HS256'],
      clockTolerance: 600,
      revocation: { auth: undefined, pinnedFeedKeys: [], maxStaleMs: 1 },
    }
    await expect(createVerifier(wrong as never)).rejects.toThrow(
      /issuer must use https; issuer must not end.*audience.*algorithms.*clockTolerance.*maxStaleMs.*auth.*pinnedFeedKeys/,
    )
  })
})

describe('the cache', () => {
  beforeEach(() => {
    stage.issuer.jwks = [stage.issuer.tokenKey.jwk]
  })

  test('the cache never holds more than its maximum', async () => {
    const small = await stage.verifier({ revocation: undefined, cache: { max: 5 } })
    await small.ready()
    for (let made = 0; made < 20; made += 1) expect(await outcome(small, await stage.issuer.token())).toBe('accepted')
    expect(small.metrics().cachedTokens).toBe(5)
  })

  test('the cache can be switched off', async () => {
    const none = await stage.verifier({ revocation: undefined, cache: { max: 0 } })
    await none.ready()
    const token = await stage.issuer.token()
    expect([await outcome(none, token), await outcome(none, token)]).toEqual(['accepted', 'accepted'])
    expect(none.metrics()).toMatchObject({ cacheHits: 0, cachedTokens: 0 })
  })

  test('a cached token is refused as soon as a frame revokes it', async () => {
    const own = await stage.verifier()
    await own.ready()
    const tokens = await Promise.all(
      Array.from({ length: 20 }, (_, index) => stage.issuer.token({ jti: `cached-${index}` })),
    )
    for (const token of tokens) expect(await outcome(own, token)).toBe('accepted')
    for (const [index, token] of tokens.entries()) {
      const { entries } = own.metrics()
      await stage.issuer.revoke(1, `cached-${index}`)
      for (let tries = 0; tries < 500 && own.metrics().entries === entries; tries += 1) {
        await new Promise((resolve) => setImmediate(resolve))
      }
      expect(own.metrics().entries).toBe(entries + 1)
      expect(await outcome(own, token)).toBe('revoked')
    }
    expect((await own.verify(bearer(tokens[3] ?? ''))).ok).toBe(false)
  })
})
