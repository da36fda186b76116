/** What becomes of a scope that is asked for: it is granted and named, or refused and told to the administrator. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addApi, addClient, addPerson, type ClientWishes, type Person } from '../../harness/people.ts'
import { type PlainAnswer, PlainClient } from '../../harness/plain-client.ts'
import { openRows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const orders = 'https://orders.example'
const stock = 'https://stock.example'

let provider: Provider
let person: Person
let web: AddedClient
let bare: AddedClient
let service: AddedClient
let device: AddedClient

beforeAll(async () => {
  provider = await startProvider()
  await Promise.all([
    addApi(provider, orders, ['orders:read', 'orders:write']),
    addApi(provider, stock, ['stock:read']),
  ])
  const app = (wishes: Partial<ClientWishes>) =>
    addClient(provider, { preset: 'web', firstParty: true, redirectUris: [redirectUri], ...wishes })
  ;[person, web, bare, service, device] = await Promise.all([
    addPerson(provider),
    app({ apis: [orders, stock] }),
    app({}),
    addClient(provider, { preset: 'service', apis: [orders] }),
    addClient(provider, { preset: 'device' }),
  ])
}, 120_000)

afterAll(() => provider?.stop())

const plain = (client: AddedClient, scope?: string) =>
  new PlainClient(client, {
    issuer: provider.issuer,
    port: () => provider.port,
    redirectUri,
    ...(scope === undefined ? {} : { scope }),
  })

/** From sign-in to the token answer; further resources as an app of several APIs sends them. */
async function tokensFor(client: AddedClient, scope: string, resources: readonly string[] = []): Promise<PlainAnswer> {
  const app = plain(client, scope)
  const { url, verifier } = app.start()
  for (const resource of resources) url.searchParams.append('resource', resource)
  const arrived = await signIn(new UserAgent(provider.issuer), url, person)
  return app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
}

const scopesIn = (value: unknown) => String(value).split(' ').sort()

const narrowed = (client: AddedClient, refreshToken: unknown, scope: string) =>
  plain(client).token({ grant_type: 'refresh_token', refresh_token: String(refreshToken), scope })

const userinfo = (token: unknown) => fetch(provider.url('/me'), { headers: { authorization: `Bearer ${token}` } })

interface Line {
  event?: string
  clientId?: string
  requestId?: string
  detail?: { scopes: string; granted: string }
}

/** What the log says of refused scopes of this client. */
const told = (client: AddedClient, scopes: string): Promise<Line | undefined> =>
  eventually(() =>
    provider
      .log()
      .split('\n')
      .filter((line) => line.includes('"scope.refused"'))
      .map((line) => JSON.parse(line) as Line)
      .find(({ clientId, detail }) => clientId === client.client_id && detail?.scopes === scopes),
  )

describe('a request of which no scope can be granted gets invalid_scope', () => {
  test('at the authorization endpoint, and the log names the scope and the app', async () => {
    for (const [client, scope] of [
      [bare, 'orders:read'],
      [web, 'orders:delete'],
      [bare, 'groups roles'],
    ] as const) {
      const { left, url } = await new UserAgent(provider.issuer).visit(plain(client, scope).start().url)
      expect(left).toBe(true)
      expect(url.searchParams.get('error')).toBe('invalid_scope')
      expect(url.searchParams.has('code')).toBe(false)
      expect(url.searchParams.has('scope')).toBe(false)
      expect(await told(client, scope)).toMatchObject({ detail: { scopes: scope, granted: '' } })
    }
  })

  test('by prompt=none of a stranger’s app too, before anything is asked', async () => {
    const guest = await addClient(provider, { preset: 'spa', redirectUris: [redirectUri] })
    for (const prompt of ['none', 'consent', '']) {
      const { url, left } = await new UserAgent(provider.issuer).visit(
        plain(guest, 'nothing:known').start({ prompt }).url,
      )
      expect(left).toBe(true)
      expect(url.searchParams.get('error')).toBe('invalid_scope')
    }
  })

  test('where only offline_access is asked for by a stranger’s app without prompt=consent', async () => {
    const guest = await addClient(provider, { preset: 'spa', redirectUris: [redirectUri] })
    const { url } = await new UserAgent(provider.issuer).visit(plain(guest, 'offline_access').start().url)
    expect(url.searchParams.get('error')).toBe('invalid_scope')
  })

  test('at the pushed authorization endpoint, and the log names the scope and the app', async () => {
    const { url } = plain(bare, 'orders:write').start()
    const { status, json } = await plain(bare).post('/request', Object.fromEntries(url.searchParams))
    expect({ status, error: json['error'] }).toEqual({ status: 400, error: 'invalid_scope' })
    expect(json).not.toHaveProperty('request_uri')
    expect(await told(bare, 'orders:write')).toBeDefined()
  })

  test('at the device authorization endpoint, and the log names the scope and the app', async () => {
    const { status, json } = await plain(device).post('/device/auth', { scope: 'orders:write' })
    expect({ status, error: json['error'] }).toEqual({ status: 400, error: 'invalid_scope' })
    expect(json).not.toHaveProperty('device_code')
    expect(await told(device, 'orders:write')).toBeDefined()
  })

  test('at the token endpoint for client credentials, with and without an API, and nothing is issued', async () => {
    const alone = await addClient(provider, { preset: 'service' })
    for (const [client, scope] of [
      [service, 'stock:read'],
      [service, 'openid'],
      [alone, 'orders:read'],
      [alone, 'openid email'],
    ] as const) {
      const { status, json } = await plain(client).token({ grant_type: 'client_credentials', scope })
      expect({ status, error: json['error'] }).toEqual({ status: 400, error: 'invalid_scope' })
      expect(json).not.toHaveProperty('access_token')
      expect(await told(client, scope)).toBeDefined()
    }
  })

  test('at the token endpoint for a refresh that asks for more than was granted', async () => {
    const { json } = await tokensFor(web, 'openid orders:read')
    const answer = await narrowed(web, json['refresh_token'], 'openid orders:write')
    expect(answer).toMatchObject({ status: 400, json: { error: 'invalid_scope' } })
    expect(await told(web, 'orders:write')).toBeDefined()
  })
})

describe('where some of the scopes are granted', () => {
  test('the answer names them, and the log names the others', async () => {
    const { json } = await tokensFor(web, 'openid email orders:read orders:admin')
    expect(scopesIn(json['scope'])).toEqual(['email', 'openid', 'orders:read'])
    expect(await told(web, 'orders:admin')).toMatchObject({
      detail: { granted: expect.stringContaining('orders:read') },
    })
  })

  test('client credentials get those of the API, and the log names the others', async () => {
    const { json } = await plain(service).token({ grant_type: 'client_credentials', scope: 'orders:read stock:read' })
    expect(json['scope']).toBe('orders:read')
    expect(await told(service, 'stock:read')).toBeDefined()
  })

  test('the audit log has it once a day for each app and scope, and the log for each request', async () => {
    const scope = 'openid once:a-day'
    for (let times = 0; times < 3; times += 1)
      await new UserAgent(provider.issuer).visit(plain(bare, scope).start().url)
    const lines = () =>
      provider
        .log()
        .split('\n')
        .filter((line) => line.includes('once:a-day') && line.includes('scope.refused'))
    expect(await eventually(() => (lines().length >= 3 ? lines() : undefined))).toHaveLength(3)
    const rows = await openRows(provider.databaseUrl)
    const recorded = () => rows.count(`select count(*) from events where detail->>'scopes' = 'once:a-day'`)
    expect(await eventually(async () => (await recorded()) || undefined)).toBe(1)
    await rows.close()
  })
})

describe('the administrator', () => {
  test('sees refused scopes in `apis list`, and `clients explain` says for each app what to do', async () => {
    const app = await addClient(provider, { preset: 'spa', redirectUris: [redirectUri] })
    await new UserAgent(provider.issuer).visit(plain(app, 'stock:read').start().url)
    const explained = await eventually(async () => {
      const { code, stdout } = await provider.command(['clients', 'explain', app.client_id])
      return code === 0 ? stdout : undefined
    })
    expect(explained).toContain('scope.refused')
    expect(explained).toContain(`claviger clients set ${app.client_id} --add-api ${stock}`)
    const { stdout } = await provider.command(['apis', 'list'])
    expect(stdout).toMatch(new RegExp(`${app.client_id}\\s+stock:read`))
  })

  test('finds the refusal by the request id of the answer', async () => {
    const { headers } = await plain(service).token({ grant_type: 'client_credentials', scope: 'misspelt' })
    const requestId = String(headers['x-request-id'])
    const entries = await eventually(async () => {
      const { code, stdout } = await provider.command(['clients', 'explain', requestId, '--json'])
      return code === 0 ? (JSON.parse(stdout) as Record<string, unknown>[]) : undefined
    })
    expect(entries).toEqual([
      expect.objectContaining({
        kind: 'scope.refused',
        client_id: service.client_id,
        detail: expect.objectContaining({ scopes: 'misspelt' }),
        remedy: expect.stringContaining('no API has this scope'),
      }),
    ])
  })
})

describe('the `scope` of the token answer', () => {
  test('names every scope that was granted, those of OpenID Connect and of each API', async () => {
    const one = await tokensFor(web, 'openid profile orders:read')
    expect(scopesIn(one.json['scope'])).toEqual(['openid', 'orders:read', 'profile'])
    const two = await tokensFor(web, 'openid orders:read stock:read', [orders, stock])
    expect(scopesIn(two.json['scope'])).toEqual(['openid', 'orders:read', 'stock:read'])
    expect(decodeJwt(String(two.json['access_token'])).scope).toBe('orders:read')
  })

  test('is never an empty string: a token of no scope has none', async () => {
    const { status, json } = await plain(service).token({ grant_type: 'client_credentials' })
    expect(status).toBe(200)
    expect(json).not.toHaveProperty('scope')
  })

  test('sent on by the app when it renews, brings an ID token and the same scopes, again and again', async () => {
    let { json } = await tokensFor(web, 'openid profile orders:read')
    for (let times = 0; times < 3; times += 1) {
      const scope = String(json['scope'])
      json = (await narrowed(web, json['refresh_token'], scope)).json
      expect(json['id_token']).toEqual(expect.stringMatching(/^eyJ/))
      expect(scopesIn(json['scope'])).toEqual(scopesIn(scope))
      expect(decodeJwt(String(json['access_token']))).toMatchObject({ aud: orders, scope: 'orders:read' })
    }
  })

  test('of a refresh that asks for less names just that', async () => {
    const { json } = await tokensFor(web, 'openid orders:read orders:write')
    const less = await narrowed(web, json['refresh_token'], 'openid orders:read')
    expect(scopesIn(less.json['scope'])).toEqual(['openid', 'orders:read'])
    expect(decodeJwt(String(less.json['access_token'])).scope).toBe('orders:read')
  })
})

describe('userinfo', () => {
  test('answers what the presented token’s own scope allows', async () => {
    const { json } = await tokensFor(bare, 'openid email')
    const claims = await (await userinfo(json['access_token'])).json()
    expect(claims).toMatchObject({ email: person.email })
    expect(claims).not.toHaveProperty('name')
    const less = await narrowed(bare, json['refresh_token'], 'openid')
    expect(await (await userinfo(less.json['access_token'])).json()).toEqual({ sub: expect.any(String) })
  })

  test('refuses an access token for an API, also one that was narrowed by a refresh', async () => {
    const { json } = await tokensFor(web, 'openid profile email orders:read')
    const less = await narrowed(web, json['refresh_token'], 'orders:read')
    for (const token of [json['access_token'], less.json['access_token']]) {
      const answer = await userinfo(token)
      expect(answer.status).toBe(403)
      const text = await answer.text()
      expect(JSON.parse(text)).toMatchObject({ error: 'insufficient_scope' })
      for (const detail of [person.email, person.name]) expect(text).not.toContain(detail)
    }
  })

  test('refuses a token without `openid`', async () => {
    const { json } = await tokensFor(bare, 'email')
    expect((await userinfo(json['access_token'])).status).toBe(403)
    const signedIn = await tokensFor(bare, 'openid email')
    const less = await narrowed(bare, signedIn.json['refresh_token'], 'email')
    expect((await userinfo(less.json['access_token'])).status).toBe(403)
  })

  test('refuses client credentials tokens, opaque ones and those for an API', async () => {
    const alone = await addClient(provider, { preset: 'service' })
    for (const client of [service, alone]) {
      const { json } = await plain(client).token({ grant_type: 'client_credentials' })
      expect((await userinfo(json['access_token'])).status).toBe(401)
    }
  })

  test('answers an app with an API that refreshes with the scopes of OpenID Connect alone', async () => {
    const { json } = await tokensFor(web, 'openid email orders:read')
    const own = await narrowed(web, json['refresh_token'], 'openid email')
    expect(own.json['scope']).toBe('openid email')
    expect(await (await userinfo(own.json['access_token'])).json()).toMatchObject({ email: person.email })
    // The next refresh is for the API again.
    const next = await plain(web).refresh(String(own.json['refresh_token']))
    expect(decodeJwt(String(next.json['access_token']))).toMatchObject({ aud: orders, scope: 'orders:read' })
  })

  test('is never told by an app of an API without scopes: its refresh with `openid` alone is for the API', async () => {
    const plainApi = 'https://plain.example'
    await addApi(provider, plainApi)
    const app = await addClient(provider, {
      preset: 'spa',
      firstParty: true,
      redirectUris: [redirectUri],
      apis: [plainApi],
    })
    const { json } = await tokensFor(app, 'openid email')
    const renewed = await narrowed(app, json['refresh_token'], String(json['scope']))
    expect(decodeJwt(String(renewed.json['access_token'])).aud).toBe(plainApi)
    expect((await userinfo(renewed.json['access_token'])).status).toBe(403)
  })
})
