/** Tokens that are bound to a key (RFC 9449), and requests that are pushed before (RFC 9126). */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import * as oauth from 'oauth4webapi'
import { type AddedClient, addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const orders = 'https://orders.example'
const insecure = { [oauth.allowInsecureRequests]: true }

let provider: Provider
let person: Person
let server: oauth.AuthorizationServer
let added: AddedClient
let plain: AddedClient
let pushing: AddedClient

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, orders, ['orders:read'])
  const spa = { preset: 'spa' as const, firstParty: true, redirectUris: [redirectUri] }
  ;[person, added, plain, pushing] = await Promise.all([
    addPerson(provider),
    addClient(provider, { ...spa, apis: [orders], more: ['--dpop-bound'] }),
    addClient(provider, spa),
    addClient(provider, { ...spa, more: ['--require-par'] }),
  ])
  const issuer = new URL(provider.issuer)
  server = await oauth.processDiscoveryResponse(issuer, await oauth.discoveryRequest(issuer, insecure))
})

afterAll(() => provider?.stop())

interface Bound {
  client: oauth.Client
  key: oauth.CryptoKeyPair
  tokens: oauth.TokenEndpointResponse
}

const at = (client: AddedClient) =>
  new PlainClient(client, {
    issuer: provider.issuer,
    port: () => provider.port,
    redirectUri,
    scope: 'openid orders:read',
  })

/** A sign-in whose code is redeemed with a proof. */
async function signInWithProof(registered: AddedClient): Promise<Bound> {
  const client: oauth.Client = { client_id: registered.client_id }
  const key = await oauth.generateKeyPair('ES256')
  const { url, verifier } = at(registered).start()
  const arrived = await signIn(new UserAgent(provider.issuer), url, person)
  const state = url.searchParams.get('state') ?? ''
  const parameters = oauth.validateAuthResponse(server, client, arrived.url, state)
  const tokens = await withNonce(client, key, (DPoP) =>
    oauth
      .authorizationCodeGrantRequest(server, client, oauth.None(), parameters, redirectUri, verifier, {
        DPoP,
        ...insecure,
      })
      .then((response) => oauth.processAuthorizationCodeResponse(server, client, response)),
  )
  return { client, key, tokens }
}

/** A server may ask for a nonce once. */
async function withNonce<T>(
  client: oauth.Client,
  key: oauth.CryptoKeyPair,
  ask: (dpop: oauth.DPoPHandle) => Promise<T>,
): Promise<T> {
  const handle = oauth.DPoP(client, key)
  try {
    return await ask(handle)
  } catch (error) {
    if (!oauth.isDPoPNonceError(error)) throw error
    return ask(handle)
  }
}

const refresh = (client: oauth.Client, token: string, DPoP?: oauth.DPoPHandle) =>
  oauth
    .refreshTokenGrantRequest(server, client, oauth.None(), token, { ...(DPoP ? { DPoP } : {}), ...insecure })
    .then((response) => oauth.processRefreshTokenResponse(server, client, response))

describe('a token that is bound to a key', () => {
  test('names the key by its thumbprint and is of type DPoP', async () => {
    const { tokens, key } = await signInWithProof(added)
    expect(tokens.token_type).toBe('dpop')
    const { cnf } = decodeJwt(tokens.access_token) as { cnf: { jkt: string } }
    expect(cnf.jkt).toBe(await oauth.DPoP({}, key).calculateThumbprint())
  })

  test('opens userinfo with a proof of its key, and nothing without one or with another', async () => {
    const { client, key, tokens } = await signInWithProof(plain)
    const url = new URL(server.userinfo_endpoint ?? '')
    const ask = (DPoP: oauth.DPoPHandle) =>
      oauth.protectedResourceRequest(tokens.access_token, 'GET', url, undefined, undefined, { DPoP, ...insecure })
    expect((await withNonce(client, key, ask)).status).toBe(200)
    for (const scheme of ['Bearer', 'DPoP']) {
      const { status } = await fetch(url, { headers: { authorization: `${scheme} ${tokens.access_token}` } })
      expect([400, 401]).toContain(status)
    }
    const thief = await oauth.generateKeyPair('ES256')
    await expect(withNonce(client, thief, ask)).rejects.toMatchObject({ status: 401 })
  })

  test('a refresh token of a public app works with its key only', async () => {
    const { client, key, tokens } = await signInWithProof(added)
    const thief = await oauth.generateKeyPair('ES256')
    const token = tokens.refresh_token ?? ''
    await expect(refresh(client, token)).rejects.toMatchObject({ status: 400 })
    await expect(withNonce(client, thief, (proof) => refresh(client, token, proof))).rejects.toMatchObject({
      error: 'invalid_grant',
    })
    const renewed = await withNonce(client, key, (proof) => refresh(client, token, proof))
    expect(renewed.token_type).toBe('dpop')
  })

  test('an app that must bind its tokens gets none without a proof', async () => {
    const { url, verifier } = at(added).start()
    const arrived = await signIn(new UserAgent(provider.issuer), url, person)
    const answer = await at(added).exchange(arrived.url.searchParams.get('code') ?? '', verifier)
    expect(answer.status).toBe(400)
    expect(answer.json).not.toHaveProperty('access_token')
  })

  test('a proof works once: the same one again is refused', async () => {
    const { client, key, tokens } = await signInWithProof(plain)
    const url = new URL(server.userinfo_endpoint ?? '')
    const handle = oauth.DPoP(client, key)
    const sent: Headers[] = []
    const [customFetch, real] = [oauth.customFetch, fetch]
    const first = await oauth.protectedResourceRequest(tokens.access_token, 'GET', url, undefined, undefined, {
      DPoP: handle,
      ...insecure,
      [customFetch]: (target: string, init: RequestInit) => {
        sent.push(new Headers(init.headers))
        return real(target, init)
      },
    })
    expect(first.status).toBe(200)
    const replays = await Promise.all([1, 2, 3].map(() => fetch(url, { headers: sent[0] as Headers })))
    for (const { status } of replays) expect(status).toBe(401)
  })
})

describe('a pushed authorization request', () => {
  const push = (client: AddedClient, change: Record<string, string> = {}) => {
    const started = at(client).start(change)
    return at(client)
      .post('/request', Object.fromEntries(started.url.searchParams))
      .then((answer) => ({ ...started, answer }))
  }

  test('is required of an app that is set so', async () => {
    const refused = await new UserAgent(provider.issuer).visit(at(pushing).start().url)
    expect(refused.url.searchParams.get('error') ?? refused.status).toMatch(/invalid_request|400/)
    const { answer, verifier } = await push(pushing)
    expect(answer.status).toBe(201)
    const url = new URL(server.authorization_endpoint ?? '')
    url.search = new URLSearchParams({
      client_id: pushing.client_id,
      request_uri: String(answer.json['request_uri']),
    }).toString()
    const arrived = await signIn(new UserAgent(provider.issuer), url, person)
    expect((await at(pushing).exchange(arrived.url.searchParams.get('code') ?? '', verifier)).status).toBe(200)
  })

  test('is refused at once when its redirect URI is not registered or PKCE is missing', async () => {
    expect((await push(pushing, { redirect_uri: `${redirectUri}/` })).answer.status).toBe(400)
    expect((await push(pushing, { code_challenge: '', code_challenge_method: '' })).answer.status).toBe(400)
    expect((await push(pushing, { code_challenge_method: 'plain' })).answer.status).toBe(400)
  })

  test('is worth nothing to another app', async () => {
    const { answer } = await push(pushing)
    const url = new URL(server.authorization_endpoint ?? '')
    url.search = new URLSearchParams({
      client_id: plain.client_id,
      request_uri: String(answer.json['request_uri']),
    }).toString()
    const page = await new UserAgent(provider.issuer).visit(url)
    expect(page).toMatchObject({ status: 400, left: false })
  })
})
