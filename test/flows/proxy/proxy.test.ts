/** Behind a proxy that ends TLS: what the issuer says holds, whatever the headers say. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { eventually } from '../../harness/eventually.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { relyingParty } from '../../harness/relying-party.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn, signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask } from '../../harness/wire.ts'

const issuer = 'https://id.example'
const redirectUri = 'https://app.example/callback'
const signedOutUri = 'https://app.example/'
const discoveryPath = '/.well-known/openid-configuration'

let provider: Provider
let person: Person
let app: PlainClient
let rows: Rows

const home = { host: 'id.example' }
const atProxy = (headers: Record<string, string> = {}) => new UserAgent(issuer, { headers, port: () => provider.port })

beforeAll(async () => {
  provider = await startProvider({ env: { CLAVIGER_ISSUER: issuer } })
  rows = await openRows(provider.databaseUrl)
  person = await addPerson(provider)
  const client = await addClient(provider, {
    preset: 'web',
    redirectUris: [redirectUri],
    postLogoutRedirectUris: [signedOutUri],
  })
  app = new PlainClient(client, { issuer, redirectUri, port: () => provider.port })
}, 60_000)

afterAll(async () => {
  await rows?.close()
  await provider?.stop()
})

describe('discovery', () => {
  const mixes: [string, Record<string, string | readonly string[]>][] = [
    ['nothing but the right Host', home],
    ['the right Host in capitals', { host: 'ID.EXAMPLE' }],
    ['the right Host with its port', { host: 'id.example:443' }],
    ['X-Forwarded-Host of another', { ...home, 'x-forwarded-host': 'evil.example' }],
    ['X-Forwarded-Host with a port', { ...home, 'x-forwarded-host': 'id.example:8443' }],
    ['two X-Forwarded-Hosts', { ...home, 'x-forwarded-host': ['evil.example', 'worse.example'] }],
    ['X-Forwarded-Proto http', { ...home, 'x-forwarded-proto': 'http' }],
    ['X-Forwarded-Proto https', { ...home, 'x-forwarded-proto': 'https' }],
    ['X-Forwarded-Proto of its own making', { ...home, 'x-forwarded-proto': 'javascript' }],
    ['X-Forwarded-Port', { ...home, 'x-forwarded-port': '8080' }],
    ['X-Forwarded-Prefix', { ...home, 'x-forwarded-prefix': '/evil' }],
    ['Forwarded', { ...home, forwarded: 'for=1.2.3.4;host=evil.example;proto=http' }],
    ['X-Original-URL and X-Rewrite-URL', { ...home, 'x-original-url': '/evil', 'x-rewrite-url': '/evil' }],
    ['X-Forwarded-For', { ...home, 'x-forwarded-for': '1.2.3.4' }],
    ['X-Host and X-Forwarded-Server', { ...home, 'x-host': 'evil.example', 'x-forwarded-server': 'evil.example' }],
    ['all of them', { ...home, 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http', forwarded: 'host=e' }],
    ['another Host', { host: 'evil.example' }],
    ['another Host, forwarded for the right one', { host: 'evil.example', 'x-forwarded-host': 'id.example' }],
    ['the right Host on another port', { host: 'id.example:8443' }],
    ['where it listens as Host', { host: '127.0.0.1' }],
    ['a Host with a user', { host: 'id.example@evil.example' }],
    ['a longer Host', { host: 'id.example.evil.example' }],
    ['a Host with a dot at its end', { host: 'id.example.' }],
  ]

  test.each(mixes)('says the same bytes, every URL under the issuer, or 421: %s', async (_mix, headers) => {
    const plain = await ask(provider.port, { path: discoveryPath, headers: home })
    const answer = await ask(provider.port, { path: discoveryPath, headers })
    const isOurs = /^id\.example(?::443)?$/i.test(String(headers['host']))
    expect(answer.status).toBe(isOurs ? 200 : 421)
    if (!isOurs) return expect(answer.text).not.toContain('://')
    expect(answer.body.equals(plain.body)).toBe(true)
    for (const [, url = ''] of answer.text.matchAll(/"((?:https?):\/\/[^"]*)"/g)) {
      expect(url === issuer || url.startsWith(`${issuer}/`)).toBe(true)
    }
  })

  test.each(['/auth', '/jwks', '/token', '/account', '/session/end', '/interaction/abc', '/nowhere'])(
    'another Host is answered with 421 everywhere: %s',
    async (path) => {
      expect((await ask(provider.port, { path, headers: { host: 'evil.example' } })).status).toBe(421)
    },
  )
})

describe('with an https issuer, though plain HTTP arrives and no X-Forwarded-Proto', () => {
  test('every cookie of a whole sign-in and sign-out is Secure, HttpOnly and SameSite=Lax', async () => {
    const agent = atProxy()
    const lines: string[] = []
    const send = agent.send.bind(agent)
    agent.send = async (...given) => {
      const answer = await send(...given)
      lines.push(...(answer.headers['set-cookie'] ?? []))
      return answer
    }
    const { url, verifier } = app.start()
    const asked = await signIn(agent, url, person, { remember: true })
    const arrived = await agent.press(asked, '#allow')
    const tokens = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
    expect(tokens.status).toBe(200)
    await agent.press(await agent.visit(`${issuer}/session/end`), '#sign-out')
    expect(lines.length).toBeGreaterThan(4)
    for (const line of lines) {
      expect(line).toMatch(/; secure/i)
      expect(line).toMatch(/; httponly/i)
      expect(line).toMatch(/; samesite=lax/i)
      expect(line).toMatch(/^__(?:Host|Secure)-/)
      expect(line).not.toMatch(/; domain/i)
      if (line.startsWith('__Host-')) expect(line).toMatch(/; path=\/(?:;|$)/i)
    }
  })

  test('every redirect and every form leads to the issuer or to the app', async () => {
    const agent = atProxy({ 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'http' })
    const page = await signIn(agent, app.start({ prompt: 'consent' }).url, person)
    const arrived = await agent.press(page, '#allow')
    for (const stop of [...page.way, ...arrived.way]) expect(stop).toMatch(/^\d+ https:\/\/id\.example\//)
    expect(`${arrived.url.origin}${arrived.url.pathname}`).toBe(redirectUri)
    expect(arrived.url.searchParams.get('iss')).toBe(issuer)
  })

  test('HTTPS is asked of the browser for two years', async () => {
    const page = await atProxy().visit(`${issuer}/account`)
    expect(page.headers['strict-transport-security']).toContain('max-age=63072000')
  })
})

describe('the client address', () => {
  const sourcesOf = async (provider: Provider, headers: Record<string, string>) => {
    const agent = new UserAgent(provider.issuer, { headers, port: () => provider.port })
    const page = await agent.visit(provider.url('/account'))
    const requestId = String(page.headers['x-request-id'])
    const lines = () => provider.log().split('\n')
    const line = await eventually(() => lines().find((text) => text.includes(requestId)))
    return (JSON.parse(line ?? '{}') as { source?: string }).source
  }

  test('a forwarded one counts for nothing when no proxy is listed', async () => {
    expect(await sourcesOf(provider, { 'x-forwarded-for': '203.0.113.9' })).toMatch(/^(?:127\.0\.0\.1|::1)$/)
  })

  test('a forwarded one counts from a listed proxy only, and never what the client wrote before it', async () => {
    const env = { CLAVIGER_TRUSTED_PROXIES: '127.0.0.0/8, ::1, 10.0.0.0/8' }
    const behind = await startProvider({ env })
    try {
      const forwarded = (chain: string) => sourcesOf(behind, { 'x-forwarded-for': chain })
      expect(await forwarded('203.0.113.9')).toBe('203.0.113.9')
      expect(await forwarded('198.51.100.1, 203.0.113.9')).toBe('203.0.113.9')
      expect(await forwarded('198.51.100.1, 203.0.113.9, 10.1.2.3')).toBe('203.0.113.9')
      expect(await forwarded('203.0.113.9, nonsense, 10.1.2.3')).toBe('10.1.2.3')
      expect(await forwarded('')).toMatch(/^(?:127\.0\.0\.1|::1)$/)
    } finally {
      await behind.stop()
    }
  })

  test('is what the audit log keeps of a rejected sign-in, and no forwarded one from a stranger', async () => {
    await signIn(atProxy({ 'x-forwarded-for': '203.0.113.77' }), app.start().url, { ...person, password: 'wrong' })
    const kept = await eventually(async () => {
      const [row] = await rows.query<{ source: string }>(`select source from events where kind = 'sign-in.rejected'`)
      return row?.source
    })
    expect(kept).toMatch(/^(?:127\.0\.0\.1|::1)$/)
  })
})

describe('an issuer with a path', () => {
  let tenant: Provider
  beforeAll(async () => {
    tenant = await startProvider({ issuerPath: '/tenant/a' })
  }, 60_000)
  afterAll(() => tenant?.stop())

  test('works through sign-in, tokens, refresh, userinfo and sign-out, never leaving its path', async () => {
    const ada = await addPerson(tenant)
    const client = await addClient(tenant, {
      preset: 'web',
      redirectUris: [redirectUri],
      postLogoutRedirectUris: [signedOutUri],
      firstParty: true,
    })
    const party = await relyingParty(tenant.issuer, client, { redirectUri })
    const agent = new UserAgent(tenant.issuer)
    const tokens = await signInTo(party, agent, ada)
    const renewed = await party.refresh(tokens.refresh_token ?? '')
    expect(await party.userinfo(renewed.access_token, tokens.claims()?.sub ?? '')).toMatchObject({ email: ada.email })
    const hint = { id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: signedOutUri }
    const asked = await agent.visit(party.signOutUrl(hint))
    for (const stop of asked.way) expect(stop).toContain(`${tenant.issuer}/`)
    const left = asked.left ? asked : await agent.press(asked, '#sign-out')
    expect(left.url.href).toBe(signedOutUri)
  })

  test('keeps its cookies to its path', async () => {
    const answer = await ask(tenant.port, {
      path: `/tenant/a/auth?${new URLSearchParams({ client_id: 'nobody' })}`,
      headers: { host: new URL(tenant.issuer).host },
    })
    const lines = answer.headers['set-cookie'] ?? []
    for (const line of lines) expect(line).toMatch(/; path=\/tenant\/a/i)
    expect(answer.status).toBe(400)
  })

  test.each(['/', '/auth', '/tenant', '/tenant/ab/auth', '/tenant/a/../auth', '//tenant/a/auth'])(
    'answers nothing beside it: %s',
    async (path) => {
      const answer = await ask(tenant.port, { path, headers: { host: new URL(tenant.issuer).host } })
      expect(answer.status).toBe(404)
    },
  )

  test('is found by both ways of writing a well-known address', async () => {
    const at = (path: string) => ask(tenant.port, { path, headers: { host: new URL(tenant.issuer).host } })
    const [ours, rfc8414] = await Promise.all([
      at(`/tenant/a${discoveryPath}`),
      at('/.well-known/oauth-authorization-server/tenant/a'),
    ])
    expect([ours.status, rfc8414.status]).toEqual([200, 200])
    expect(ours.body.equals(rfc8414.body)).toBe(true)
  })
})
