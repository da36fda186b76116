/** Requests that no honest client sends: a clear refusal, nothing stored, and the program goes on. */
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'
import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { type AddedClient, addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { basic, PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask, say } from '../../harness/wire.ts'

const redirectUri = 'https://app.example/callback'
const formType = 'application/x-www-form-urlencoded'

let provider: Provider
let person: Person
let rows: Rows
let web: AddedClient
let service: AddedClient
let post: AddedClient
let app: PlainClient
let host: string
/** What slow clients heard until they were cut off. They begin first, since patience is what they test. */
let slowHeaders: Promise<string>
let slowBody: Promise<string>

beforeAll(async () => {
  provider = await startProvider()
  host = new URL(provider.issuer).host
  slowHeaders = sayDropByDrop(`GET /jwks HTTP/1.1\r\nHost: ${host}\r\n`, 'X-A: b\r\n')
  const form = `Host: ${host}\r\nContent-Type: ${formType}\r\nContent-Length: 50000`
  slowBody = sayDropByDrop(`POST /token HTTP/1.1\r\n${form}\r\n\r\n`, 'a')
  rows = await openRows(provider.databaseUrl)
  await addApi(provider, 'https://orders.example', ['orders:read'])
  person = await addPerson(provider)
  const wishes = { redirectUris: [redirectUri], firstParty: true }
  web = await addClient(provider, {
    preset: 'web',
    ...wishes,
    more: ['--token-endpoint-auth-method', 'client_secret_basic'],
  })
  post = await addClient(provider, {
    preset: 'web',
    ...wishes,
    more: ['--token-endpoint-auth-method', 'client_secret_post'],
  })
  service = await addClient(provider, { preset: 'service', apis: ['https://orders.example'] })
  app = new PlainClient(web, { issuer: provider.issuer, redirectUri, port: () => provider.port })
}, 60_000)

afterAll(async () => {
  await rows?.close()
  await provider?.stop()
})

async function sayDropByDrop(beginning: string, drop: string): Promise<string> {
  const socket = connect(provider.port, '127.0.0.1')
  const heard: string[] = []
  socket.on('error', () => undefined).on('data', (chunk) => heard.push(String(chunk)))
  socket.write(beginning)
  const drops = setInterval(() => socket.write(drop), 500)
  await new Promise<void>((resolve) => socket.once('close', () => resolve()))
  clearInterval(drops)
  return heard.join('')
}

/** A form to the token endpoint, as bytes. */
const token = (body: string | Buffer, headers: Record<string, string> = {}) =>
  ask(provider.port, {
    method: 'POST',
    path: '/token',
    headers: {
      host,
      'content-type': formType,
      authorization: basic(service.client_id, service.client_secret ?? ''),
      ...headers,
    },
    body,
  })
const credentials = 'grant_type=client_credentials'

describe('at the token endpoint', () => {
  test('an honest request works', async () => {
    expect((await token(credentials)).status).toBe(200)
  })

  const refused: [string, string | Buffer, number][] = [
    ['nothing at all', '', 400],
    ['no grant type', 'scope=x', 400],
    ['an unknown grant type', 'grant_type=password&username=a&password=b', 400],
    ['a grant type twice', `${credentials}&grant_type=refresh_token`, 400],
    ['the same grant type twice', `${credentials}&${credentials}`, 400],
    ['__proto__ for a grant type', 'grant_type=__proto__', 400],
    ['constructor for a grant type', 'grant_type=constructor', 400],
    ['toString for a grant type', 'grant_type=toString', 400],
    ['a grant type in brackets', 'grant_type[]=client_credentials', 400],
    ['a nested grant type', 'grant_type[a][b]=client_credentials', 400],
    ['an unknown API', `${credentials}&resource=https%3A%2F%2Fnobody.example`, 400],
    ['an API that is no address', `${credentials}&resource=__proto__`, 400],
    ['invalid UTF-8', `${credentials}&scope=%ff%fe`, 400],
    ['raw invalid UTF-8', Buffer.concat([Buffer.from(`${credentials}&scope=`), Buffer.from([0xff, 0xfe])]), 400],
    ['NUL', `${credentials}&scope=%00`, 400],
    ['raw NUL', `${credentials}&scope=\0`, 400],
    ['a broken percent-encoding', `${credentials}&scope=%zz`, 400],
    ['a body too large', `${credentials}&scope=${'a'.repeat(100_000)}`, 413],
    ['a code that never was', 'grant_type=authorization_code&code=x&redirect_uri=https%3A%2F%2Fapp.example', 400],
    ['a refresh token that never was', `grant_type=refresh_token&refresh_token=${'a'.repeat(2_000)}`, 400],
  ]

  test.each(refused)('%s is refused in OAuth JSON', async (_what, body, status) => {
    const answer = await token(body)
    expect(answer.status).toBe(status)
    expect(JSON.parse(answer.text)).toEqual(
      expect.objectContaining({ error: expect.any(String), error_description: expect.any(String) }),
    )
    expect(answer.text).not.toMatch(/ at |node_modules|\.ts:/)
    expect(answer.headers['cache-control']).toContain('no-store')
  })

  test('parameters named like parts of JavaScript are ignored and pollute nothing', async () => {
    const poison = '__proto__=x&__proto__[scope]=admin&constructor=y&constructor.prototype.scope=z&hasOwnProperty=w'
    expect((await token(`${credentials}&${poison}`)).status).toBe(200)
    expect((await token('grant_type=')).status).toBe(400)
    expect((await token(credentials)).status).toBe(200)
  })

  test('ten thousand parameters are refused or ignored, quickly', async () => {
    const many = Array.from({ length: 10_000 }, (_, index) => `a${index % 7}=1`).join('&')
    expect([200, 400, 413]).toContain((await token(`${credentials}&${many}`)).status)
  })

  test.each([
    ['JSON', 'application/json', '{"grant_type":"client_credentials"}'],
    ['JSON a thousand levels deep', 'application/json', `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`],
    ['a multipart form', 'multipart/form-data; boundary=x', '--x\r\n\r\ngrant_type=client_credentials\r\n--x--'],
    ['plain text', 'text/plain', credentials],
    ['no type', '', credentials],
    ['XML', 'application/xml', '<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><a>&b;</a>'],
  ])('%s is no form and is refused', async (_what, type, body) => {
    const answer = await token(body, { 'content-type': type })
    expect([400, 415]).toContain(answer.status)
    expect(answer.text).not.toContain('access_token')
  })

  test('a compressed body is not unpacked', async () => {
    const answer = await token(gzipSync(`${credentials}&scope=${'a'.repeat(1_000_000)}`), {
      'content-encoding': 'gzip',
    })
    expect([400, 413, 415]).toContain(answer.status)
  })

  test.each(['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD'])('%s is answered with 404 or 405', async (method) => {
    const { status } = await ask(provider.port, { method, path: '/token', headers: { host } })
    expect([404, 405]).toContain(status)
  })
})

describe('clients', () => {
  const basicOf = ({ client_id, client_secret = '' }: AddedClient) => ({
    authorization: basic(client_id, client_secret),
  })
  const bodyOf = ({ client_id, client_secret = '' }: AddedClient) => ({ client_id, client_secret })
  const attempt = async (headers: Record<string, string>, fields: Record<string, string>) => {
    const answer = await ask(provider.port, {
      method: 'POST',
      path: '/token',
      headers: { host, 'content-type': formType, ...headers },
      body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: 'x', ...fields }).toString(),
    })
    return `${answer.status} ${(JSON.parse(answer.text) as { error: string }).error}`
  }

  test('authenticate by the method that they are pinned to and by no other', async () => {
    expect(await attempt(basicOf(web), {})).toBe('400 invalid_grant')
    expect(await attempt({}, bodyOf(web))).toBe('401 invalid_client')
    expect(await attempt({}, bodyOf(post))).toBe('400 invalid_grant')
    expect(await attempt(basicOf(post), {})).toBe('401 invalid_client')
  })

  test('are refused with no secret, a wrong one, an empty one, two, or two ways at once', async () => {
    const { client_id } = web
    expect(await attempt({}, { client_id })).toBe('401 invalid_client')
    expect(await attempt({ authorization: basic(client_id, 'wrong') }, {})).toBe('401 invalid_client')
    expect(await attempt({ authorization: basic(client_id, '') }, {})).toMatch(/^40[01] invalid_(?:client|request)$/)
    expect(await attempt(basicOf(web), bodyOf(web))).toMatch(/^40[01] invalid_(?:client|request)$/)
    expect(await attempt(basicOf(web), bodyOf(post))).toMatch(/^40[01] invalid_(?:client|request)$/)
    for (const authorization of ['Basic', 'Basic !!!', 'Basic Og==', 'Bearer x', `Basic ${'A'.repeat(8_000)}`]) {
      expect(await attempt({ authorization }, {})).toMatch(/^40[01] invalid_(?:client|request)$/)
    }
  })

  test('that do not exist are answered like those whose secret is wrong', async () => {
    const body = new URLSearchParams({ grant_type: 'client_credentials' }).toString()
    const [unknown, wrong] = await Promise.all([
      token(body, { authorization: basic('nobody', 'x'.repeat(43)) }),
      token(body, { authorization: basic(service.client_id, 'x'.repeat(43)) }),
    ])
    expect([unknown.status, unknown.text]).toEqual([wrong.status, wrong.text])
    expect(unknown.headers['www-authenticate']).toBe(wrong.headers['www-authenticate'])
  })

  test('named __proto__, constructor or with odd characters are just unknown', async () => {
    for (const id of ['__proto__', 'constructor', 'toString', "'; drop table clients; --", '\u202e', 'ä'.repeat(300)]) {
      expect([400, 401]).toContain((await token(credentials, { authorization: basic(id, 'x') })).status)
    }
  })
})

describe('a code', () => {
  const freshCode = async () => {
    const { url, verifier } = app.start()
    const { url: arrived } = await signIn(new UserAgent(provider.issuer), url, person)
    return { code: arrived.searchParams.get('code') ?? '', verifier }
  }

  test.each([
    ['without the redirect URI of its request', { redirect_uri: '' }],
    ['with another redirect URI', { redirect_uri: 'https://app.example/other' }],
    ['with a wrong verifier', { code_verifier: 'x'.repeat(43) }],
    ['with an empty verifier', { code_verifier: '' }],
    ['with a verifier that is too short', { code_verifier: 'short' }],
  ])('is refused %s, and works nowhere after', async (_what, change) => {
    const { code, verifier } = await freshCode()
    const wrong = await app.exchange(code, verifier, change)
    expect(wrong.status).toBe(400)
    expect(['invalid_grant', 'invalid_request']).toContain(wrong.json['error'])
  })

  test('is refused to another client', async () => {
    const { code, verifier } = await freshCode()
    const other = new PlainClient(
      await addClient(provider, { preset: 'web', redirectUris: [redirectUri], firstParty: true }),
      { issuer: provider.issuer, redirectUri, port: () => provider.port },
    )
    expect((await other.exchange(code, verifier)).json['error']).toBe('invalid_grant')
  })
})

describe('at the authorization endpoint', () => {
  let before: Record<string, number>
  beforeEach(async () => {
    before = await rows.stored()
  })

  const query = (change: Record<string, string>) => app.start(change).url.search
  const visit = (search: string) =>
    ask(provider.port, { path: `/auth${search}`, headers: { host, accept: 'text/html' } })

  test.each([
    ['no parameters', () => ''],
    ['an unknown client', () => query({ client_id: 'nobody' })],
    ['a client named __proto__', () => query({ client_id: '__proto__' })],
    ['two clients', () => `${query({})}&client_id=other`],
    ['two redirect URIs', () => `${query({})}&redirect_uri=https://evil.example`],
    ['no redirect URI', () => query({ redirect_uri: '' })],
    ['invalid UTF-8', () => `${query({})}&login_hint=%ff`],
    ['NUL', () => `${query({})}&login_hint=%00`],
    ['three hundred parameters', () => `${query({})}${'&a=1'.repeat(300)}`],
  ])('%s gets a page and stores nothing', async (_what, search) => {
    const answer = await visit(search())
    expect(answer.status).toBe(400)
    expect(answer.headers.location).toBeUndefined()
    expect(answer.text).not.toMatch(/ at .*:\d+:\d+|evil/)
    expect(await rows.stored()).toEqual(before)
  })

  test.each([
    ['no PKCE', { code_challenge: '', code_challenge_method: '' }],
    ['plain PKCE', { code_challenge_method: 'plain' }],
    ['a challenge without a method', { code_challenge_method: '' }],
    ['a short challenge', { code_challenge: 'abc' }],
    ['the implicit flow', { response_type: 'token' }],
    ['the hybrid flow', { response_type: 'code id_token' }],
    ['an unknown response type', { response_type: '__proto__' }],
    ['an unknown response mode', { response_mode: 'web_message' }],
    ['a code in a fragment', { response_mode: '__proto__' }],
    ['claims that are no JSON', { claims: '{' }],
    ['claims hundreds of levels deep', { claims: `${'{"a":'.repeat(400)}1${'}'.repeat(400)}` }],
    ['claims of the wrong kind', { claims: '[1]' }],
    ['poisoned claims', { claims: '{"__proto__":{"id_token":{"sub":null}}, "id_token": 1}' }],
    ['a max_age that is no number', { max_age: 'soon' }],
    ['a negative max_age', { max_age: '-1' }],
    ['an unknown prompt', { prompt: 'sudo' }],
    ['prompt none and login', { prompt: 'none login' }],
    ['a request object', { request: 'eyJhbGciOiJub25lIn0.e30.' }],
    ['a request address', { request_uri: 'http://169.254.169.254/latest/meta-data' }],
    ['a hint that is no token', { id_token_hint: 'nonsense' }],
    ['a hint signed by nobody', { id_token_hint: 'eyJhbGciOiJub25lIn0.eyJzdWIiOiJ4In0.' }],
    ['an API nobody knows', { resource: 'https://nobody.example' }],
  ])('%s is refused with an OAuth error and stores nothing', async (_what, change) => {
    const answer = await visit(query(change as Record<string, string>))
    expect([303, 400]).toContain(answer.status)
    if (answer.status === 303) {
      const sent = new URL(String(answer.headers.location))
      expect(`${sent.origin}${sent.pathname}`).toBe(redirectUri)
      const told = new URLSearchParams(sent.search || sent.hash.slice(1))
      expect(told.get('error')).toMatch(/^[a-z_]+$/)
      expect(told.get('iss')).toBe(provider.issuer)
      expect(told.get('code')).toBeNull()
    }
    expect(await rows.stored()).toEqual(before)
  })

  test('hostile text in every parameter that reaches the page is shown as text or not at all', async () => {
    const script = `"><script>alert(1)</script><img src=x onerror=alert(1)>'{{7*7}}<%= 7*7 %>`
    const change = { login_hint: script, ui_locales: script, state: script, nonce: script, display: 'page' }
    const page = await new UserAgent(provider.issuer).visit(app.start(change).url)
    expect(page.heading).toBe('Sign in')
    expect(page.document.querySelectorAll('img, [onerror], [onload]')).toHaveLength(0)
    expect(page.document.querySelectorAll('script')).toHaveLength(1)
    expect(page.document.querySelector('script')?.textContent).toBe(readFileSync('views/page.js', 'utf8'))
    expect(page.document.querySelector('input[name="login"]')?.getAttribute('value')).toBe(script)
    expect(page.text).not.toMatch(/\b49\b/)
  })
})

describe('on the wire', () => {
  const alive = async () => (await ask(provider.port, { path: '/health/live', headers: { host } })).status === 200
  const length = (body: string) => `Content-Length: ${Buffer.byteLength(body)}`

  test.each([
    ['two lengths', `POST /token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\nhello`],
    [
      'a length and chunks',
      `POST /token HTTP/1.1\r\nHost: HOST\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /evil HTTP/1.1\r\nHost: HOST\r\n\r\n`,
    ],
    [
      'an unknown transfer coding',
      `POST /token HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: xchunked\r\n\r\n0\r\n\r\n`,
    ],
    ['a bare line feed in a header', `GET /jwks HTTP/1.1\nHost: HOST\nX: y\n\n`],
    ['a space before the colon', `GET /jwks HTTP/1.1\r\nHost : HOST\r\n\r\n`],
    ['a folded header', `GET /jwks HTTP/1.1\r\nHost: HOST\r\nX: a\r\n b\r\nConnection: close\r\n\r\n`],
    ['two Hosts', `GET /jwks HTTP/1.1\r\nHost: HOST\r\nHost: evil.example\r\n\r\n`],
    ['no Host', `GET /jwks HTTP/1.1\r\nConnection: close\r\n\r\n`],
    ['an absolute target', `GET http://evil.example/jwks HTTP/1.1\r\nHost: HOST\r\n\r\n`],
    ['a target with a fragment', `GET /jwks#x HTTP/1.1\r\nHost: HOST\r\n\r\n`],
    ['CONNECT', `CONNECT evil.example:443 HTTP/1.1\r\nHost: HOST\r\n\r\n`],
    ['TRACE', `TRACE / HTTP/1.1\r\nHost: HOST\r\nX-Secret: a\r\n\r\n`],
    ['HTTP/0.9', `GET /\r\n\r\n`],
    ['the preface of HTTP/2', `PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n`],
    ['a TLS greeting', Buffer.from('160301020001000001fc0303', 'hex').toString('latin1')],
    ['very long headers', `GET /jwks HTTP/1.1\r\nHost: HOST\r\nX: ${'a'.repeat(40_000)}\r\n\r\n`],
    ['a very long target', `GET /${'a'.repeat(9_000)} HTTP/1.1\r\nHost: HOST\r\nConnection: close\r\n\r\n`],
    [
      'a chunk with a huge size',
      `POST /token HTTP/1.1\r\nHost: HOST\r\nTransfer-Encoding: chunked\r\n\r\nFFFFFFFFFFFFFFFFF\r\n`,
    ],
    ['an upgrade', `GET /jwks HTTP/1.1\r\nHost: evil.example\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n`],
  ])('%s: refused once, nothing behind it is read, and the program lives', async (_what, bytes) => {
    const heard = await say(provider.port, Buffer.from(bytes.replaceAll('HOST', host), 'latin1'))
    if (heard !== '') expect(heard).toMatch(/^HTTP\/1\.1 4\d\d /)
    expect(heard.match(/HTTP\/1\.1 \d/g)?.length ?? 0).toBeLessThanOrEqual(1)
    expect(heard).not.toMatch(/X-Secret|node_modules| at /)
    expect(await alive()).toBe(true)
  })

  test('a request behind a refused one on the same connection is not answered', async () => {
    const second = `GET /jwks HTTP/1.1\r\nHost: ${host}\r\n\r\n`
    const heard = await say(provider.port, `GET /jwks HTTP/1.1\r\nHost: evil.example\r\n\r\n${second}`)
    expect(heard.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 421'])
  })

  test('a body cut short is no form', async () => {
    const socket = connect(provider.port, '127.0.0.1')
    await new Promise<void>((resolve) => socket.once('connect', () => resolve()))
    socket.write(
      `POST /token HTTP/1.1\r\nHost: ${host}\r\nContent-Type: ${formType}\r\n${length('x'.repeat(99))}\r\n\r\ngrant`,
    )
    socket.destroy()
    expect(await alive()).toBe(true)
  })

  test('a client that says its headers drop by drop is cut off', async () => {
    expect(await slowHeaders).toMatch(/^(?:HTTP\/1\.1 408 |$)/)
    expect(await alive()).toBe(true)
  }, 40_000)

  test('a client that says its body drop by drop is cut off, and nothing comes of it', async () => {
    expect(await slowBody).toMatch(/^(?:HTTP\/1\.1 4\d\d |$)/)
    expect(await alive()).toBe(true)
  }, 40_000)
})

describe('the log', () => {
  test('is one JSON line an event, whatever a client writes into its request', async () => {
    const lines = '\r\n{"level":"error","msg":"forged"}\u2028\u001b[31m\u0007'
    const agent = new UserAgent(provider.issuer)
    await agent.visit(app.start({ client_id: lines, state: lines }).url)
    await agent.visit(app.start({ redirect_uri: `https://x.example/${lines}` }).url)
    await signIn(agent, app.start().url, { email: lines, password: lines })
    await agent.send('GET', provider.url(`/${encodeURIComponent(lines)}`))
    await token(credentials, { authorization: basic(lines, lines), 'user-agent': 'a\tb', 'x-request-id': 'forged"}' })
    await agent.send('GET', provider.url('/account'))
    await new Promise((resolve) => setTimeout(resolve, 1_000))
    const log = provider
      .log()
      .split('\n')
      .filter((line) => line.startsWith('{'))
    expect(log.length).toBeGreaterThan(3)
    for (const line of log) {
      expect(() => JSON.parse(line)).not.toThrow()
      // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is looked for
      expect(line).not.toMatch(/[\u0000-\u001f\u007f-\u009f\u2028\u2029]/)
      expect((JSON.parse(line) as { msg: string }).msg).not.toBe('forged')
    }
  })
})
