/** What refresh tokens promise holds for those in a cookie, too; and what a browser is told about reading the answers. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import * as oauth from 'oauth4webapi'
import { eventually } from '../../harness/eventually.ts'
import { letTimePass } from '../../harness/later.ts'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import type { PlainAnswer } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask } from '../../harness/wire.ts'
import { AppPage, cookieOf, setCookies } from './app-page.ts'

const shop = 'http://localhost:5173'
const neighbour = 'http://localhost:5175'
const pastTheGrace = 11
const invalidGrant = { status: 400, json: { error: 'invalid_grant' } }

let provider: Provider
let ada: Person
let clientId: string
let bound: AddedClient
let plain: AddedClient

const spaAt = (origin: string, delivery: string, more: readonly string[] = []) =>
  addClient(provider, {
    preset: 'spa',
    firstParty: true,
    redirectUris: [`${origin}/callback`],
    postLogoutRedirectUris: [`${origin}/`],
    more: ['--refresh-delivery', delivery, ...more],
  })

beforeAll(async () => {
  provider = await startProvider()
  ada = await addPerson(provider)
  ;[{ client_id: clientId }, bound, plain] = await Promise.all([
    spaAt(shop, 'cookie'),
    spaAt(shop, 'cookie', ['--dpop-bound']),
    spaAt(neighbour, 'body'),
  ])
}, 60_000)

afterAll(() => provider?.stop())

async function signedIn(parameters: Record<string, string> = {}): Promise<AppPage> {
  const page = new AppPage(provider, clientId, shop)
  expectTokens(await page.signIn(ada, parameters))
  return page
}

const later = (seconds: number) => letTimePass(provider.databaseUrl, seconds)
const cookieHeader = ({ agent }: AppPage) => agent.cookies.header(new URL(provider.url('/token'))) ?? ''
const refreshCookies = ({ agent }: AppPage) => agent.cookies.names().filter((name) => name.includes('refresh'))

function expectTokens(answer: PlainAnswer): void {
  expect(answer).toMatchObject({ status: 200, json: { access_token: expect.any(String) } })
  expect(answer.json).not.toHaveProperty('refresh_token')
}

describe('as ever', () => {
  test('a renewal whose answer was lost is sent again within the grace, and both branches live on', async () => {
    const page = await signedIn()
    const cookie = cookieHeader(page)
    const branches = [await page.renew({ cookie }), await page.renew({ cookie })]
    await later(pastTheGrace)
    for (const branch of branches) {
      const { name, value } = cookieOf(branch)
      expectTokens(await page.renew({ cookie: `${name}=${value}` }))
    }
  })

  test('20 tabs that renew at once with one cookie are all served, and the browser goes on with what it was left', async () => {
    const page = await signedIn()
    const tabs = await Promise.all(Array.from({ length: 20 }, () => page.renew()))
    tabs.forEach(expectTokens)
    expect(new Set(tabs.map((tab) => cookieOf(tab).value)).size).toBe(20)
    await later(pastTheGrace)
    for (let times = 0; times < 3; times += 1) expectTokens(await page.renew())
  })

  test('a stolen cookie that is used after the grace ends the whole family, and stands in the audit log', async () => {
    const page = await signedIn()
    const stolen = cookieHeader(page)
    const { access_token: access } = (await page.renew()).json
    await later(pastTheGrace)
    expect(await page.renew({ cookie: stolen })).toMatchObject(invalidGrant)
    expect(await page.renew()).toMatchObject(invalidGrant)
    const { status } = await fetch(provider.url('/me'), { headers: { authorization: `Bearer ${access}` } })
    expect(status).toBe(401)
    const told = await eventually(async () => {
      const entries = await provider.cli<{ client_id: string }[]>(['events', 'list', '--kind', 'refresh-token.reused'])
      return entries.find(({ client_id }) => client_id === clientId)
    })
    expect(told).toBeDefined()
  })

  test('a refusal leaves the cookie alone: an answer that comes late cannot end a newer sign-in', async () => {
    const page = await signedIn()
    expect(setCookies(await page.renew({ cookie: '' }))).toEqual([])
    await later(100 * 86_400)
    const answer = await page.renew()
    expect(answer).toMatchObject(invalidGrant)
    expect(setCookies(answer)).toEqual([])
  })

  test('revocation without a token ends the one in the cookie and takes the cookie away; again it is harmless', async () => {
    const page = await signedIn()
    const cookie = cookieHeader(page)
    const { access_token: access } = (await page.renew()).json
    expect(await page.revoke()).toMatchObject({ status: 200 })
    expect(refreshCookies(page)).toEqual([])
    expect(await page.revoke()).toMatchObject({ status: 200 })
    expect(await page.renew({ cookie })).toMatchObject(invalidGrant)
    const { status } = await fetch(provider.url('/me'), { headers: { authorization: `Bearer ${access}` } })
    expect(status).toBe(401)
  })

  test('revocation of an access token leaves the refresh token where it is', async () => {
    const page = await signedIn()
    const answer = await page.post('/token/revocation', { token: 'not-known' })
    expect(answer).toMatchObject({ status: 200 })
    expect(setCookies(answer)).toEqual([])
    expectTokens(await page.renew())
  })

  test('a person who is disabled renews nothing from then on', async () => {
    const grace = await addPerson(provider)
    const page = new AppPage(provider, clientId, shop)
    expectTokens(await page.signIn(grace))
    await provider.cli(['users', 'disable', grace.email])
    expect(await page.renew()).toMatchObject(invalidGrant)
  })
})

describe('signing out', () => {
  const endSession = (parameters: Record<string, string>) =>
    provider.url(`/session/end?${new URLSearchParams({ post_logout_redirect_uri: `${shop}/`, ...parameters })}`)

  test('takes the cookie away, and what was in it is worth nothing', async () => {
    const page = await signedIn()
    const cookie = cookieHeader(page)
    const confirm = await page.agent.visit(endSession({ client_id: clientId }))
    const arrived = await page.agent.press(confirm, '#sign-out')
    expect(arrived.url.href).toBe(`${shop}/`)
    expect(refreshCookies(page)).toEqual([])
    expect(await page.renew({ cookie })).toMatchObject(invalidGrant)
  })

  test('takes it away, too, where offline access lets the token outlive the session: this browser is signed out', async () => {
    const page = await signedIn({ scope: 'openid offline_access' })
    await page.agent.press(await page.agent.visit(endSession({ client_id: clientId })), '#sign-out')
    expect(refreshCookies(page)).toEqual([])
  })

  test('of one app takes along the cookies of the others whose tokens end with the session', async () => {
    const page = await signedIn()
    const other = new AppPage(provider, (await spaAt(neighbour, 'cookie')).client_id, neighbour, page.agent)
    expectTokens(await other.exchange(await other.arrive(undefined)))
    expect(refreshCookies(page)).toHaveLength(2)
    await page.agent.press(await page.agent.visit(endSession({ client_id: clientId })), '#sign-out')
    expect(refreshCookies(page)).toEqual([])
  })

  test('without a session takes it away when a page of our site asks, and not when another site does', async () => {
    const page = await signedIn({ scope: 'openid offline_access' })
    page.agent.cookies.closeBrowser()
    for (const [site, left] of [
      ['cross-site', 1],
      ['none', 1],
      ['same-site', 0],
    ] as const) {
      const headers = { 'sec-fetch-site': site }
      expect(await page.agent.send('GET', endSession({ client_id: clientId }), { headers })).toMatchObject({
        status: 303,
      })
      expect(refreshCookies(page)).toHaveLength(left)
    }
  })
})

describe('bound to a key (DPoP)', () => {
  /** A proof as the library makes it, caught on its way. */
  async function proofBy(key: oauth.CryptoKeyPair): Promise<string> {
    const client: oauth.Client = { client_id: bound.client_id }
    const server = { issuer: provider.issuer, token_endpoint: provider.url('/token') }
    let proof = ''
    await oauth.refreshTokenGrantRequest(server, client, oauth.None(), 'x', {
      DPoP: oauth.DPoP(client, key),
      [oauth.allowInsecureRequests]: true,
      [oauth.customFetch]: async (_url, { headers }) => {
        proof = headers['dpop'] ?? ''
        return new Response('{}')
      },
    })
    return proof
  }

  test('the token in the cookie renews with a proof of its key, and not without one or with another', async () => {
    const page = new AppPage(provider, bound.client_id, shop)
    const key = await oauth.generateKeyPair('ES256')
    const callback = await page.arrive(ada)
    expectTokens(await page.exchange(callback, { dpop: await proofBy(key) }))
    expect((await page.renew()).status).toBe(400)
    expect((await page.renew({ dpop: await proofBy(await oauth.generateKeyPair('ES256')) })).status).toBe(400)
    const renewed = await page.renew({ dpop: await proofBy(key) })
    expectTokens(renewed)
    expect(renewed.json['token_type']).toBe('DPoP')
  })
})

describe('a browser lets the page read', () => {
  const allowing = 'access-control-allow-credentials'
  const preflight = (path: string, origin: string) =>
    ask(provider.port, {
      method: 'OPTIONS',
      path,
      headers: {
        host: new URL(provider.issuer).host,
        origin,
        'access-control-request-method': 'POST',
        'access-control-request-headers': 'dpop',
      },
    })

  test('every answer to a request with credentials: of success, of refusal, and of the revocation', async () => {
    const page = await signedIn()
    const answers = [
      await page.renew(),
      await page.renew({ cookie: '' }),
      await page.post('/token', {}),
      await page.revoke(),
    ]
    expect(answers.map(({ status }) => status)).toEqual([200, 400, 400, 200])
    for (const { headers } of answers) {
      expect(headers).toMatchObject({ 'access-control-allow-origin': shop, [allowing]: 'true' })
      expect(headers.vary).toMatch(/\bOrigin\b/i)
    }
  })

  test('nothing with credentials of an app whose tokens come in the body, or from any other endpoint', async () => {
    const page = new AppPage(provider, plain.client_id, neighbour)
    const tokens = await page.signIn(ada)
    expect(tokens.json).toHaveProperty('refresh_token')
    expect(tokens.headers).not.toHaveProperty(allowing)
    const shopper = await signedIn()
    for (const path of ['/request', '/token/introspection', '/device/auth', '/me']) {
      expect((await shopper.post(path, {})).headers).not.toHaveProperty(allowing)
    }
    for (const path of ['/jwks', '/.well-known/openid-configuration']) {
      const { headers } = await ask(provider.port, {
        path,
        headers: { host: new URL(provider.issuer).host, origin: shop },
      })
      expect(headers).not.toHaveProperty(allowing)
    }
  })

  test('a preflight allows credentials to origins of apps with a cookie, at the two endpoints', async () => {
    for (const path of ['/token', '/token/revocation']) {
      const { headers } = await preflight(path, shop)
      expect(headers).toMatchObject({ 'access-control-allow-origin': shop, [allowing]: 'true' })
      expect(headers.vary).toMatch(/\bOrigin\b/i)
      for (const origin of ['http://localhost:6666', 'https://evil.example', 'null']) {
        expect((await preflight(path, origin)).headers).not.toHaveProperty(allowing)
      }
    }
    for (const path of ['/me', '/request']) expect((await preflight(path, shop)).headers).not.toHaveProperty(allowing)
  })
})

describe('the cookie follows the issuer', () => {
  test.each([
    ['at the root of a host no neighbour can plant it', '', '__Host-claviger_refresh_', '/'],
    ['below a path it goes to the token endpoint alone', '/tenant/a', '__Secure-claviger_refresh_', '/tenant/a/token'],
  ])('https: %s', async (_name, issuerPath, prefix, path) => {
    const issuer = `https://id.example${issuerPath}`
    const node = await startProvider({ env: { CLAVIGER_ISSUER: issuer }, issuerPath })
    try {
      const person = await addPerson(node)
      const { client_id: id } = await addClient(node, {
        preset: 'spa',
        firstParty: true,
        redirectUris: ['https://shop.id.example/callback'],
        more: ['--refresh-delivery', 'cookie'],
      })
      const agent = new UserAgent(issuer, { port: () => node.port })
      const page = new AppPage(node, id, 'https://shop.id.example', agent)
      for (const answer of [await page.signIn(person), await page.renew()]) {
        expectTokens(answer)
        const { name, attributes } = cookieOf(answer)
        expect(name.startsWith(`${prefix}${id}.`)).toBe(true)
        expect(attributes).toEqual(['httponly', `path=${path}`, 'samesite=strict', 'secure'])
      }
      expect(await page.revoke()).toMatchObject({ status: 200 })
      expect(agent.cookies.names().filter((name) => name.includes('refresh'))).toEqual([])
    } finally {
      await node.stop()
    }
  })
})
