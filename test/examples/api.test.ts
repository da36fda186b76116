/** The example API by itself: what it accepts, what it refuses, and how it says so. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { type RunningService, startApi } from '../../examples/api/server.ts'

const audience = 'https://orders.example'
const spaOrigin = 'https://shop.example'

let issuer: string
let keys: Server
let api: RunningService
let signingKey: CryptoKey
const strangersKey = generateKeyPair('ES256')

beforeAll(async () => {
  const pair = await generateKeyPair('ES256')
  signingKey = pair.privateKey
  const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256', use: 'sig' }] }
  keys = createServer((request, response) => {
    response.setHeader('content-type', 'application/json')
    response.end(JSON.stringify(request.url === '/keys' ? jwks : { issuer, jwks_uri: `${issuer}/keys` }))
  })
  await new Promise<void>((resolve) => keys.listen(0, '127.0.0.1', resolve))
  issuer = `http://127.0.0.1:${(keys.address() as AddressInfo).port}`
  api = await startApi({ port: 0, issuer, audience, spaOrigin })
})

afterAll(async () => {
  await api?.stop()
  keys?.close()
})

interface TokenWishes {
  claims?: JWTPayload
  typ?: string
  aud?: string
  iss?: string
  expires?: string
  key?: CryptoKey
}

const token = async ({ claims, typ = 'at+jwt', aud = audience, iss = issuer, expires = '1m', key }: TokenWishes = {}) =>
  new SignJWT({ client_id: 'shop', scope: 'openid orders:read', ...claims })
    .setProtectedHeader({ alg: 'ES256', kid: 'one', typ })
    .setIssuer(iss)
    .setAudience(aud)
    .setSubject('someone')
    .setJti('1')
    .setIssuedAt()
    .setExpirationTime(expires)
    .sign(key ?? signingKey)

const call = (bearer?: string, init: RequestInit = {}) =>
  fetch(`${api.url}/orders`, {
    ...init,
    headers: { ...init.headers, ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }) },
  })

describe('an access token', () => {
  test('made for this API with the right scope is accepted', async () => {
    const answer = await call(await token())
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ caller: { sub: 'someone', client_id: 'shop' } })
  })

  test('that is missing gets a bare challenge (RFC 6750 §3.1)', async () => {
    const answer = await call()
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toBe('Bearer')
  })

  test.each<[string, TokenWishes]>([
    ['for another API', { aud: 'https://other.example' }],
    ['of another issuer', { iss: 'https://elsewhere.example' }],
    ['that has expired', { expires: '1 minute ago' }],
    ['that is an ID token', { typ: 'JWT' }],
  ])('%s is refused as invalid', async (_name, wishes) => {
    const answer = await call(await token(wishes))
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
  })

  test('signed by a stranger with our key id is refused as invalid', async () => {
    const answer = await call(await token({ key: (await strangersKey).privateKey }))
    expect(answer.status).toBe(401)
    expect(answer.headers.get('www-authenticate')).toContain('error="invalid_token"')
  })

  test.each(['not a token', 'a.b.c', `${'x'.repeat(6000)}`])(
    'that is rubbish is refused, not a fault: %.20s',
    async (rubbish) => {
      expect((await call(rubbish)).status).toBe(401)
    },
  )

  test('without the scope is refused with 403 and names it', async () => {
    const answer = await call(await token(), { method: 'POST' })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toContain('error="insufficient_scope"')
    expect(answer.headers.get('www-authenticate')).toContain('scope="orders:write"')
  })
})

describe('CORS', () => {
  test('lets the app of the registered origin read answers and refusals', async () => {
    for (const bearer of [await token(), undefined]) {
      const answer = await call(bearer, { headers: { origin: spaOrigin } })
      expect(answer.headers.get('access-control-allow-origin')).toBe(spaOrigin)
    }
  })

  test('answers the preflight without asking for a token', async () => {
    const answer = await call(undefined, { method: 'OPTIONS', headers: { origin: spaOrigin } })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-headers')).toBe('authorization')
  })

  test('tells no other origin anything', async () => {
    const answer = await call(await token(), { headers: { origin: 'https://evil.example' } })
    expect(answer.headers.get('access-control-allow-origin')).toBeNull()
  })
})

test('keys out of reach are our trouble, not the caller’s: 503 and when to try again', async () => {
  const lonely = await startApi({ port: 0, issuer: 'http://127.0.0.1:1', audience, spaOrigin })
  try {
    const answer = await fetch(`${lonely.url}/orders`, { headers: { authorization: `Bearer ${await token()}` } })
    expect(answer.status).toBe(503)
    expect(answer.headers.get('retry-after')).toBe('5')
  } finally {
    await lonely.stop()
  }
})
