/** Programs that act for themselves, and who may ask about a token or end it. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { type AddedClient, addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { basic, PlainClient } from '../../harness/plain-client.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const orders = 'https://orders.example'

let provider: Provider
let service: AddedClient
let byPost: AddedClient

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, orders, ['orders:read', 'orders:write'])
  ;[service, byPost] = await Promise.all([
    addClient(provider, {
      preset: 'service',
      apis: [orders],
      more: ['--token-endpoint-auth-method', 'client_secret_basic'],
    }),
    addClient(provider, {
      preset: 'service',
      apis: [orders],
      more: ['--token-endpoint-auth-method', 'client_secret_post'],
    }),
  ])
})

afterAll(() => provider?.stop())

const plain = (client: AddedClient) =>
  new PlainClient(client, { issuer: provider.issuer, port: () => provider.port, redirectUri })
const grant = { grant_type: 'client_credentials' }
const nobody = (id: string) => plain({ client_id: id })

describe('client credentials', () => {
  test('by HTTP Basic give a token for the service’s API, about nobody, without a refresh token', async () => {
    const { status, json } = await plain(service).token({ ...grant, scope: 'orders:read' })
    expect(status).toBe(200)
    expect(json).not.toHaveProperty('refresh_token')
    expect(json).not.toHaveProperty('id_token')
    const claims = decodeJwt(String(json['access_token']))
    expect(claims).toMatchObject({
      aud: orders,
      client_id: service.client_id,
      sub: service.client_id,
      scope: 'orders:read',
    })
    for (const claim of ['sid', 'grant_id', 'nbf']) expect(claims).not.toHaveProperty(claim)
  })

  test('by a secret in the form give a token to a service that is registered so', async () => {
    const secret = { client_secret: byPost.client_secret ?? '' }
    expect((await nobody(byPost.client_id).token({ ...grant, ...secret })).status).toBe(200)
  })

  test('by another way than the registered one are refused', async () => {
    const { client_id, client_secret = '' } = service
    expect(await nobody(client_id).token({ ...grant, client_secret })).toMatchObject({
      status: 401,
      json: { error: 'invalid_client' },
    })
    expect((await plain(byPost).token(grant)).json).toMatchObject({ error: 'invalid_client' })
    const both = await plain(service).token({ ...grant, client_id, client_secret })
    expect(both.json['error']).toMatch(/invalid_(request|client)/)
  })

  test('with a wrong secret, no secret or an unknown client give one and the same answer', async () => {
    const wrong = await plain({ ...service, client_secret: 'wrong' }).token(grant)
    const unknown = await plain({ client_id: 'nobody', client_secret: 'wrong' }).token(grant)
    expect(wrong.status).toBe(401)
    expect(unknown.status).toBe(401)
    expect(wrong.json).toEqual(unknown.json)
    expect((await nobody(service.client_id).token(grant)).status).toBe(401)
  })

  test('never give a scope that the API does not have', async () => {
    const { status, json } = await plain(service).token({ ...grant, scope: 'orders:read admin' })
    expect(status === 400 || json['scope'] === 'orders:read').toBe(true)
  })

  test('are no way in for an app that signs people in', async () => {
    const web = await addClient(provider, { preset: 'web', redirectUris: [redirectUri] })
    expect((await plain(web).token(grant)).json).toMatchObject({
      error: expect.stringMatching(/^(unauthorized_client|invalid_request)$/),
    })
  })

  test('a secret that was rotated without an overlap works no longer, and the new one at once', async () => {
    const rotating = await addClient(provider, { preset: 'service', apis: [orders] })
    expect((await plain(rotating).token(grant)).status).toBe(200)
    const rotation = ['clients', 'rotate-secret', rotating.client_id, '--overlap', '0', '--yes']
    const renewed = await provider.cli<AddedClient>(rotation)
    let status = 0
    for (let tries = 0; tries < 50 && status !== 200; tries += 1) status = (await plain(renewed).token(grant)).status
    expect(status).toBe(200)
    expect((await plain(rotating).token(grant)).status).toBe(401)
  })
})

describe('an opaque token', () => {
  let person: Person
  let owner: AddedClient
  let other: AddedClient
  let app: RelyingParty

  beforeAll(async () => {
    const web = { preset: 'web' as const, firstParty: true, redirectUris: [redirectUri] }
    ;[person, owner, other] = await Promise.all([
      addPerson(provider),
      addClient(provider, web),
      addClient(provider, web),
    ])
    app = await relyingParty(provider.issuer, owner, { redirectUri })
  })

  const introspect = async (client: AddedClient, token: string) =>
    (await plain(client).post('/token/introspection', { token })).json

  test('is explained to the app that it was given to, and to nobody else', async () => {
    const tokens = await signInTo(app, new UserAgent(provider.issuer), person)
    const { access_token, refresh_token = '' } = tokens
    expect(await introspect(owner, access_token)).toMatchObject({
      active: true,
      client_id: owner.client_id,
      sub: tokens.claims()?.sub,
    })
    expect(await introspect(owner, refresh_token)).toMatchObject({ active: true })
    for (const token of [access_token, refresh_token]) expect(await introspect(other, token)).toEqual({ active: false })
    const stranger = await nobody(owner.client_id).post('/token/introspection', { token: access_token })
    expect(stranger.status).toBe(401)
  })

  test('is revoked by the app that it was given to, and by nobody else', async () => {
    const { access_token, refresh_token = '' } = await signInTo(app, new UserAgent(provider.issuer), person)
    for (const token of [access_token, refresh_token]) await plain(other).post('/token/revocation', { token })
    expect(await introspect(owner, access_token)).toMatchObject({ active: true })
    expect((await plain(owner).post('/token/revocation', { token: access_token })).status).toBe(200)
    expect(await introspect(owner, access_token)).toEqual({ active: false })
  })

  test('a revoked refresh token takes the access tokens of its grant along', async () => {
    const { access_token, refresh_token = '' } = await signInTo(app, new UserAgent(provider.issuer), person)
    expect((await plain(owner).post('/token/revocation', { token: refresh_token })).status).toBe(200)
    await expect(app.refresh(refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(await introspect(owner, access_token)).toEqual({ active: false })
  })

  test('that never was is revoked without complaint, and explained as inactive', async () => {
    expect((await plain(owner).post('/token/revocation', { token: 'never was' })).status).toBe(200)
    expect(await introspect(owner, 'never was')).toEqual({ active: false })
  })

  test('a wrong secret revokes nothing', async () => {
    const { access_token } = await signInTo(app, new UserAgent(provider.issuer), person)
    const headers = { authorization: basic(owner.client_id, 'wrong') }
    expect((await plain(owner).post('/token/revocation', { token: access_token }, headers)).status).toBe(401)
    expect(await introspect(owner, access_token)).toMatchObject({ active: true })
  })
})
