/** Thousands of made-up requests: every endpoint answers each with what HTTP and OAuth know, keeps nothing of it, and lives. */
import type { Agent } from 'node:http'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import fc from 'fast-check'
import { addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { basic, PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask, keptAlive, type WireAnswer } from '../../harness/wire.ts'

const redirectUri = 'https://app.example/callback'
const numRuns = 400

let provider: Provider
let person: Person
let rows: Rows
let agent: Agent
let host: string
/** Of a signed-in person, with a sign-in under way. */
let cookie: string
let uid: string
let authorization: string
let known: string[]

beforeAll(async () => {
  provider = await startProvider({ env: { CLAVIGER_LOG_LEVEL: 'warn' } })
  host = new URL(provider.issuer).host
  rows = await openRows(provider.databaseUrl)
  agent = keptAlive(4)
  await addApi(provider, 'https://orders.example', ['orders:read'])
  person = await addPerson(provider)
  const spa = await addClient(provider, { preset: 'spa', redirectUris: [redirectUri], firstParty: true })
  const web = await addClient(provider, { preset: 'web', redirectUris: [redirectUri] })
  authorization = basic(web.client_id, web.client_secret ?? '')
  const app = new PlainClient(spa, { issuer: provider.issuer, redirectUri, port: () => provider.port })
  const browser = new UserAgent(provider.issuer)
  await signIn(browser, app.start().url, person)
  const page = await browser.visit(app.start({ prompt: 'login' }).url)
  uid = page.url.pathname.split('/').at(-1) ?? ''
  cookie = browser.cookies.header(page.url) ?? ''
  known = [spa.client_id, web.client_id, redirectUri, 'https://orders.example', person.email, uid, 'openid', 'code']
}, 60_000)

afterAll(async () => {
  agent?.destroy()
  await rows?.close()
  await provider?.stop()
})

const names = [
  'client_id',
  'client_secret',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'nonce',
  'prompt',
  'max_age',
  'claims',
  'ui_locales',
  'login_hint',
  'id_token_hint',
  'acr_values',
  'request',
  'request_uri',
  'resource',
  'code',
  'code_verifier',
  'code_challenge',
  'code_challenge_method',
  'grant_type',
  'refresh_token',
  'device_code',
  'user_code',
  'token',
  'token_type_hint',
  'client_assertion',
  'client_assertion_type',
  'post_logout_redirect_uri',
  'logout_hint',
  'csrf',
  'xsrf',
  'login',
  'password',
  'remember',
  'decision',
  'ticket',
  'switch-from',
  'confirm',
  'abort',
  'logout',
  'lang',
  'another',
  'continue',
  'dpop_jkt',
  'registration',
  '__proto__',
  'constructor',
  'toString',
]

const words = [
  '',
  ' ',
  '0',
  '-1',
  '1e309',
  'null',
  'true',
  '[]',
  '{}',
  '{"a":{"b":[1]}}',
  'none',
  'login',
  'consent',
  'code',
  'token',
  'S256',
  'plain',
  'query',
  'fragment',
  'form_post',
  'jwt',
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
  'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
  'urn:ietf:params:oauth:request_uri:x',
  'openid offline_access',
  'allow',
  'yes',
  'javascript:alert(1)',
  'https://evil.example/',
  '//evil.example',
  '../../etc/passwd',
  "' or 1=1 --",
  '<script>',
  '\r\nSet-Cookie: a=b',
  '\0',
  '\u202e',
  '\ud800',
  'ä'.repeat(200),
  'a'.repeat(3_000),
  'eyJhbGciOiJub25lIn0.e30.',
  'eyJhbGciOiJFUzI1NiJ9.e30.AAAA',
  '__proto__',
]

/** Mostly what the protocol knows, sometimes anything at all. */
const value = () =>
  fc.oneof(
    { weight: 4, arbitrary: fc.constantFrom(...words) },
    { weight: 3, arbitrary: fc.nat(7).map((index) => known[index] ?? '') },
    { weight: 2, arbitrary: fc.string({ unit: 'binary', maxLength: 40 }) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 6 }) },
  )
const name = () =>
  fc.oneof({ weight: 12, arbitrary: fc.constantFrom(...names) }, { weight: 1, arbitrary: fc.string({ maxLength: 12 }) })

/** Percent-encoded by hand, so that what URLSearchParams would mend stays broken. */
const encode = (text: string) =>
  [...Buffer.from(text, 'utf8')].map((byte) => `%${byte.toString(16).padStart(2, '0')}`).join('')
const form = () =>
  fc.oneof(
    {
      weight: 12,
      arbitrary: fc
        .array(fc.tuple(name(), value()), { maxLength: 9 })
        .map((pairs) => pairs.map(([key, text]) => `${encode(key)}=${encode(text)}`).join('&')),
    },
    { weight: 1, arbitrary: fc.uint8Array({ maxLength: 200 }).map((bytes) => Buffer.from(bytes).toString('latin1')) },
    { weight: 1, arbitrary: fc.json({ maxDepth: 8 }) },
  )
const type = () =>
  fc.oneof(
    { weight: 15, arbitrary: fc.constant('application/x-www-form-urlencoded') },
    {
      weight: 1,
      arbitrary: fc.constantFrom('application/json', 'text/plain', 'multipart/form-data; boundary=a', '/', 'a'),
    },
  )
/** Who seems to be asking. */
const asker = () =>
  fc.constantFrom(
    'nobody',
    'the app',
    'the person',
    'a wrong app',
    'broken credentials',
    'a token',
  ) as fc.Arbitrary<Asker>
type Asker = 'nobody' | 'the app' | 'the person' | 'a wrong app' | 'broken credentials' | 'a token'

const headersOf = (who: Asker): Record<string, string> =>
  ({
    nobody: {},
    'the app': { authorization },
    'the person': { cookie, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' },
    'a wrong app': { authorization: basic('nobody', '\u{1f511}') },
    'broken credentials': { authorization: 'Basic \xff', cookie: '=;claviger_session=%%%' },
    'a token': { authorization: 'Bearer eyJhbGciOiJub25lIn0.e30.' },
  })[who]

/** What may never come back, whatever was sent. */
function expectCivil(answer: WireAnswer, asked: string): void {
  const about = `${asked} -> ${answer.status} ${answer.text.slice(0, 300)}`
  if (answer.status < 200 || answer.status >= 500) throw new Error(`not civil: ${about}`)
  // A sealed value is random text, which may spell anything.
  const shown = answer.text.replace(/value="[\w.-]{40,}"/g, '')
  if (/\bat .+:\d+:\d+|node_modules|SQLSTATE|pg_|syntax error/.test(shown)) throw new Error(`tells too much: ${about}`)
  const location = answer.headers.location
  if (location === undefined) return
  const target = new URL(location, provider.issuer)
  if (target.host !== host && !target.href.startsWith(redirectUri)) throw new Error(`leads away: ${location}`)
}

const posting = (path: () => string) => async () => {
  await fc.assert(
    fc.asyncProperty(form(), type(), asker(), async (body, contentType, who) => {
      const headers = { host, 'content-type': contentType, accept: 'text/html', ...headersOf(who) }
      expectCivil(
        await ask(provider.port, { method: 'POST', path: path(), headers, body, agent }),
        `POST ${path()} ${who}: ${body}`,
      )
    }),
    { numRuns },
  )
}

const getting = (path: () => string) => async () => {
  await fc.assert(
    fc.asyncProperty(form(), asker(), async (query, who) => {
      const target = `${path()}?${query.replace(/[^!-~]/g, encode)}`
      expectCivil(
        await ask(provider.port, { path: target, headers: { host, accept: 'text/html', ...headersOf(who) }, agent }),
        `GET ${who}: ${target}`,
      )
    }),
    { numRuns },
  )
}

const endpoints: [string, () => () => Promise<void>][] = [
  ['the token endpoint', () => posting(() => '/token')],
  ['the authorization endpoint', () => getting(() => '/auth')],
  ['the authorization endpoint by POST', () => posting(() => '/auth')],
  ['pushed authorization requests', () => posting(() => '/request')],
  ['introspection', () => posting(() => '/token/introspection')],
  ['revocation', () => posting(() => '/token/revocation')],
  ['userinfo', () => posting(() => '/me')],
  ['device authorization', () => posting(() => '/device/auth')],
  ['the device page', () => posting(() => '/device')],
  ['the sign-out page', () => getting(() => '/session/end')],
  ['sign-out by POST', () => posting(() => '/session/end')],
  ['the sign-out form', () => posting(() => '/session/end/confirm')],
  ['a sign-in page', () => getting(() => `/interaction/${uid}`)],
  ['a sign-in form without its token', () => posting(() => `/interaction/${uid}/login`)],
  ['a consent form', () => posting(() => `/interaction/${uid}/consent`)],
  ['a sign-in form that never was', () => posting(() => '/interaction/abcdefghijklmnopqrstu/login')],
  ['the account page', () => getting(() => '/account')],
]

/** What stays: protocol state of honest-looking authorization and device requests is theirs to make, people and apps are not. */
const lasting = async () => {
  const { artifacts: _artifacts, ...rest } = await rows.stored()
  const opened = await rows.count(`select count(*) from artifacts where model in (3, 4, 5, 6, 7)`)
  return { ...rest, grantsCodesAndTokens: opened }
}

test.each(endpoints)(
  '%s answers any input with 2xx, 3xx or 4xx, leads nowhere else, tells nothing of itself and gives nothing out',
  async (_name, run) => {
    const before = await lasting()
    await run()()
    expect(await lasting()).toEqual(before)
  },
  60_000,
)

test('any path and any method are answered civilly', async () => {
  const path = fc
    .array(
      fc.oneof(
        fc.constantFrom('auth', 'token', 'interaction', 'account', '..', '.', '%2e%2e', '%2f', ';a=b'),
        fc.string({ maxLength: 10 }),
      ),
      { maxLength: 5 },
    )
    .map((parts) => `/${parts.map((part) => part.replace(/[^!-~]|#|\\/g, encode)).join('/')}`)
  const method = fc.constantFrom('GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS', 'PROPFIND')
  await fc.assert(
    fc.asyncProperty(path, method, asker(), async (target, verb, who) => {
      const headers = { host, accept: 'text/html', ...headersOf(who) }
      expectCivil(await ask(provider.port, { method: verb, path: target, headers, agent }), `${verb} ${target}`)
    }),
    { numRuns },
  )
})

test('after all that an honest person signs in as before, and no fault of ours is in the log', async () => {
  const [client] = known
  const app = new PlainClient(
    { client_id: client ?? '' },
    { issuer: provider.issuer, redirectUri, port: () => provider.port },
  )
  const { url, verifier } = app.start()
  const arrived = await signIn(new UserAgent(provider.issuer), url, person)
  expect((await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)).status).toBe(200)
  expect(provider.log()).not.toMatch(/"level":"(?:error|fatal)"/)
})
