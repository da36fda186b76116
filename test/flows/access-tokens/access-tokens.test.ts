/** Access tokens as APIs meet them, checked by the libraries that APIs use. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import jsonwebtoken from 'jsonwebtoken'
import { clockOff } from '../../harness/clock.ts'
import { addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type ResourceServer, startResourceServer } from '../../harness/resource-server.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn, signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const orders = 'https://orders.example'
const stock = 'https://stock.example/v1'
const legacy = 'https://legacy.example'
const scope = 'openid profile orders:read stock:read legacy:read'

let provider: Provider
let person: Person
let clientId: string
let app: RelyingParty
let tokens: Tokens
let api: ResourceServer

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, orders, ['orders:read', 'orders:write'])
  await addApi(provider, stock, ['stock:read'])
  await provider.cli(['apis', 'add', legacy, '--scope', 'legacy:read', '--alg', 'RS256', '--ttl', '90s'])
  const [added, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, {
      preset: 'spa',
      firstParty: true,
      redirectUris: [redirectUri],
      apis: [orders, stock, legacy],
    }),
  ])
  person = added
  clientId = client.client_id
  app = await relyingParty(provider.issuer, client, { redirectUri, scope })
  tokens = await signInTo(app, new UserAgent(provider.issuer), person)
  api = await startResourceServer(provider.issuer, orders)
}, 60_000)

afterAll(async () => {
  await api?.stop()
  await provider?.stop()
})

/** Loaded late: Jest cannot load jose for this file and by `require` for jwks-rsa at once. */
const cachedKeys = async () =>
  new (await import('jwks-rsa')).JwksClient({ jwksUri: app.config.serverMetadata().jwks_uri ?? '' })
const jwks = () => createRemoteJWKSet(new URL(app.config.serverMetadata().jwks_uri ?? ''))

describe('an access token for an API', () => {
  test('says what RFC 9068 asks for, names its session and its grant, and has no nbf', async () => {
    const { payload, protectedHeader } = await jwtVerify(tokens.access_token, jwks(), {
      issuer: provider.issuer,
      audience: orders,
    })
    expect(protectedHeader).toEqual({ typ: 'at+jwt', alg: 'ES256', kid: expect.stringMatching(/^\S+$/) })
    expect(payload).toEqual({
      iss: provider.issuer,
      aud: orders,
      sub: tokens.claims()?.sub,
      client_id: clientId,
      scope: 'orders:read',
      iat: expect.any(Number),
      exp: Number(payload.iat) + 600,
      jti: expect.stringMatching(/^\S{16,}$/),
      sid: expect.stringMatching(/^\S+$/),
      grant_id: expect.stringMatching(/^\S+$/),
    })
  })

  test('is for the first API of the app when the app names none, so that `resource` need not be sent', async () => {
    expect(decodeJwt(tokens.access_token).aud).toBe(orders)
    const renewed = await app.refresh(tokens.refresh_token ?? '')
    expect(decodeJwt(renewed.access_token).aud).toBe(orders)
    tokens = { ...tokens, ...renewed }
  })

  test('is for the API that the app names, with the scopes of that API and no others', async () => {
    const started = await app.start({ resource: stock })
    const arrived = await signIn(new UserAgent(provider.issuer), started.url, person)
    const { access_token } = await app.finish(arrived.url, started)
    expect(decodeJwt(access_token)).toMatchObject({ aud: stock, scope: 'stock:read' })
  })

  test('has a jti of its own each time', async () => {
    const all = await Promise.all([1, 2, 3, 4].map(() => signInTo(app, new UserAgent(provider.issuer), person)))
    expect(new Set(all.map(({ access_token }) => decodeJwt(access_token).jti)).size).toBe(4)
  })

  test('tells no name, no address and no e-mail of the person', () => {
    const claims = JSON.stringify(decodeJwt(tokens.access_token))
    for (const detail of [person.email, person.name]) expect(claims).not.toContain(detail)
  })

  test('lives as long as its API says, and is signed as its API says', async () => {
    const started = await app.start({ resource: legacy })
    const arrived = await signIn(new UserAgent(provider.issuer), started.url, person)
    const { access_token } = await app.finish(arrived.url, started)
    const { iat = 0, exp = 0, aud } = decodeJwt(access_token)
    expect({ aud, life: exp - iat, alg: decodeProtectedHeader(access_token).alg }).toEqual({
      aud: legacy,
      life: 90,
      alg: 'RS256',
    })
  })
})

describe('a verifier', () => {
  test('whose clock is 30 s behind accepts a fresh token, without any tolerance: jose', async () => {
    const fresh = (await signInTo(app, new UserAgent(provider.issuer), person)).access_token
    const currentDate = new Date(Date.now() - 30_000)
    await expect(
      jwtVerify(fresh, jwks(), { issuer: provider.issuer, audience: orders, typ: 'at+jwt', currentDate }),
    ).resolves.toBeDefined()
  })

  test('whose clock is 30 s behind accepts a fresh token, without any tolerance: jsonwebtoken with jwks-rsa', async () => {
    const fresh = (await signInTo(app, new UserAgent(provider.issuer), person)).access_token
    const keys = await cachedKeys()
    const key = await keys.getSigningKey(decodeProtectedHeader(fresh).kid)
    const claims = jsonwebtoken.verify(fresh, key.getPublicKey(), {
      algorithms: ['ES256'],
      issuer: provider.issuer,
      audience: orders,
      clockTimestamp: Math.floor(Date.now() / 1000) - 30,
    })
    expect(claims).toMatchObject({ client_id: clientId })
  })

  test('accepts a token from a node whose clock is ahead by as much as it may be, two seconds: jose, jsonwebtoken, and the example API', async () => {
    const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = provider.env
    const hasty = await startProvider({
      database: { url: provider.databaseUrl },
      env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY, ...clockOff(1.9) },
    })
    try {
      const own = await signInTo(app, new UserAgent(provider.issuer), person)
      const client = new PlainClient(
        { client_id: clientId },
        { issuer: provider.issuer, port: () => hasty.port, redirectUri },
      )
      const { json } = await client.refresh(own.refresh_token ?? '')
      const token = String(json['access_token'])
      // Dated by the database, never ahead.
      expect(decodeJwt(token).iat).toBeLessThanOrEqual(Date.now() / 1000)
      await jwtVerify(token, jwks(), { issuer: provider.issuer, audience: orders, typ: 'at+jwt' })
      const keys = await cachedKeys()
      const key = await keys.getSigningKey(decodeProtectedHeader(token).kid)
      jsonwebtoken.verify(token, key.getPublicKey(), {
        algorithms: ['ES256'],
        issuer: provider.issuer,
        audience: orders,
      })
      expect((await api.call('/orders', token)).status).toBe(200)
    } finally {
      await hasty.stop()
    }
  })

  test('of another API refuses it', async () => {
    await expect(jwtVerify(tokens.access_token, jwks(), { issuer: provider.issuer, audience: stock })).rejects.toThrow(
      'aud',
    )
  })

  test('never takes an ID token for an access token: the types differ', async () => {
    const answer = await api.call('/orders', tokens.id_token)
    expect(answer.status).toBe(401)
    await expect(jwtVerify(tokens.id_token ?? '', jwks(), { issuer: provider.issuer, typ: 'at+jwt' })).rejects.toThrow(
      'typ',
    )
  })
})

describe('an app of several APIs', () => {
  test('asks for them at once and gets a token for each by its refresh token, each good in one place only', async () => {
    const started = await app.start()
    for (const resource of [stock, orders]) started.url.searchParams.append('resource', resource)
    const first = await app.finish((await signIn(new UserAgent(provider.issuer), started.url, person)).url, started)
    expect(decodeJwt(first.access_token).aud).toBe(orders)
    const forStock = await app.refresh(first.refresh_token ?? '', { resource: stock })
    expect(decodeJwt(forStock.access_token)).toMatchObject({ aud: stock, scope: 'stock:read' })
    const forOrders = await app.refresh(forStock.refresh_token ?? '', { resource: orders })
    expect(decodeJwt(forOrders.access_token)).toMatchObject({ aud: orders, scope: 'orders:read' })
  })

  test('gets no token by refresh for an API that it did not ask for when the person was there', async () => {
    const given = await signInTo(app, new UserAgent(provider.issuer), person, { resource: orders })
    await expect(app.refresh(given.refresh_token ?? '', { resource: legacy })).rejects.toMatchObject({
      error: 'invalid_target',
    })
  })
})
