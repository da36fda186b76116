/** What makes an access token void, and who may say so or ask. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, decodeJwt, decodeProtectedHeader, generateKeyPair, jwtVerify, SignJWT } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { letTimePass } from '../../harness/later.ts'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { type Discovery, discover, type Entry, keyOf, openFrame, openSnapshot } from './feed-reader.ts'

const audience = 'https://api.example'
const otherAudience = 'https://other-api.example'

let provider: Provider
let person: Person
let app: AddedClient
let party: RelyingParty
let api: AddedClient
let otherApi: AddedClient
let stranger: AddedClient
let discovery: Discovery

beforeAll(async () => {
  provider = await startProvider()
  api = await provider.cli(['apis', 'add', audience, '--scope', 'orders:read', '--with-credentials'])
  otherApi = await provider.cli(['apis', 'add', otherAudience, '--with-credentials'])
  person = await addPerson(provider)
  app = await addWebApp()
  stranger = await addClient(provider, { preset: 'service', apis: [otherAudience] })
  party = await relyingParty(provider.issuer, app, { scope: 'openid orders:read' })
  discovery = await discover(provider.issuer)
}, 120_000)
afterAll(() => provider?.stop())

const addWebApp = () =>
  addClient(provider, {
    preset: 'web',
    redirectUris: ['https://app.example/callback'],
    apis: [audience],
    firstParty: true,
  })

const signedIn = (who = person, by = party): Promise<Tokens> => signInTo(by, new UserAgent(provider.issuer), who)

const basic = ({ client_id, client_secret = '' }: AddedClient) =>
  `Basic ${Buffer.from(`${encodeURIComponent(client_id)}:${encodeURIComponent(client_secret)}`).toString('base64')}`

const post = (url: string, client: AddedClient, form: Record<string, string>, headers: Record<string, string> = {}) =>
  fetch(url, {
    method: 'POST',
    headers: { authorization: basic(client), ...headers },
    body: new URLSearchParams(form),
  })

const revoke = (client: AddedClient, token: string, more = {}) =>
  post(discovery.revocation_endpoint, client, { token, ...more })
const introspect = async (client: AddedClient, token: string, more = {}) =>
  (await (await post(discovery.introspection_endpoint, client, { token, ...more })).json()) as Record<string, unknown>
const isActive = async (token: string) => (await introspect(app, token))['active']

/** Everything that verifiers know by now. */
async function fed(): Promise<{ salt: string; entries: Entry[] }> {
  const get = (path: string) =>
    fetch(`${discovery.revocation_feed_endpoint}${path}`, { headers: { authorization: basic(api) } })
  const { epoch, salt, seq, entries } = await openSnapshot(await (await get('/snapshot')).text(), discovery)
  const frames = (await (await get(`/changes?after=${epoch}.${seq}`)).json()) as string[]
  const opened = await Promise.all(frames.map((jws) => openFrame(jws, discovery)))
  return { salt, entries: [...entries, ...opened.flatMap((frame) => frame.entries)] }
}

/** What a verifier that reads the feed makes of it; asked until it is void, for a bounded time. */
async function isVoidAtVerifiers(token: string): Promise<boolean> {
  const claims = decodeJwt(token)
  const { kid = '' } = decodeProtectedHeader(token)
  const names = [claims.jti, claims['sid'], claims['grant_id'], claims.sub, claims['client_id'], kid, claims.iss]
  for (let tries = 0; tries < 40; tries += 1) {
    const { salt, entries } = await fed()
    const keys = names.map((name, index) => keyOf(salt, index + 1, String(name)))
    const hit = entries.some(
      ([kind, key, notBefore]) => keys[kind - 1] === key && (notBefore === null || (claims.iat ?? 0) < notBefore),
    )
    if (hit) return true
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return false
}

async function expectVoid(token: string): Promise<void> {
  expect(await introspect(app, token)).toEqual({ active: false })
  expect(await isVoidAtVerifiers(token)).toBe(true)
}

/** A first use and a second one after the grace: the second is a thief's or a victim's. */
async function expectReuseRefused(refreshToken: string): Promise<void> {
  await letTimePass(provider.databaseUrl, 11, { models: [5] })
  await expect(party.refresh(refreshToken)).rejects.toMatchObject({ error: 'invalid_grant' })
}

describe('asking about an access token for an API (RFC 7662)', () => {
  test('its app and its API are told what it says', async () => {
    const { access_token: token } = await signedIn()
    const claims = decodeJwt(token)
    const told = {
      active: true,
      iss: provider.issuer,
      sub: claims.sub,
      aud: audience,
      client_id: app.client_id,
      jti: claims.jti,
      sid: claims['sid'],
      grant_id: claims['grant_id'],
      scope: 'orders:read',
      token_type: 'Bearer',
      iat: claims.iat,
      exp: claims.exp,
    }
    expect(await introspect(app, token)).toMatchObject(told)
    expect(await introspect(api, token)).toMatchObject(told)
    expect(await introspect(api, token, { token_type_hint: 'access_token' })).toMatchObject(told)
    expect(await introspect(api, token, { token_type_hint: 'refresh_token' })).toMatchObject(told)
  })

  test("a service's own token is told of too", async () => {
    const service = await addClient(provider, { preset: 'service', apis: [audience] })
    const answer = await post(discovery.token_endpoint, service, {
      grant_type: 'client_credentials',
      scope: 'orders:read',
    })
    const { access_token: token } = (await answer.json()) as { access_token: string }
    expect(await introspect(api, token)).toMatchObject({
      active: true,
      client_id: service.client_id,
      sub: service.client_id,
    })
    expect((await revoke(service, token)).status).toBe(200)
    expect(await introspect(api, token)).toEqual({ active: false })
  })

  test('another API and another app are told nothing', async () => {
    const { access_token: token } = await signedIn()
    expect(await introspect(otherApi, token)).toEqual({ active: false })
    expect(await introspect(stranger, token)).toEqual({ active: false })
  })

  test('the answer comes signed to those who ask for it so (RFC 9701)', async () => {
    const { access_token: token } = await signedIn()
    const accept = { accept: 'application/token-introspection+jwt' }
    const answer = await post(discovery.introspection_endpoint, api, { token }, accept)
    expect(answer.headers.get('content-type')).toContain('application/token-introspection+jwt')
    const keys = createRemoteJWKSet(new URL(String(discovery['jwks_uri'])))
    const { payload } = await jwtVerify(await answer.text(), keys, { typ: 'token-introspection+jwt' })
    expect(payload['token_introspection']).toMatchObject({ active: true, aud: audience, jti: decodeJwt(token).jti })
  })

  test('without credentials, or with wrong ones, nobody is told anything', async () => {
    const { access_token: token } = await signedIn()
    const wrong = await post(discovery.introspection_endpoint, { ...api, client_secret: 'wrong' }, { token })
    expect(wrong.status).toBe(401)
    const none = await fetch(discovery.introspection_endpoint, { method: 'POST', body: new URLSearchParams({ token }) })
    expect(none.status).toBe(400)
  })

  test.each(['nonsense', 'eyJ', 'eyJ.eyJ.eyJ', 'eyJhbGciOiJub25lIn0.e30.', `eyJ${'a'.repeat(9_000)}.e30.x`, 'a~b~c'])(
    'what is no token of ours is inactive: %.40s',
    async (token) => {
      expect(await introspect(api, token)).toEqual({ active: false })
    },
  )

  test('a forged one is inactive, however it is made', async () => {
    const { access_token: token } = await signedIn()
    const [header = '', payload = '', signature = ''] = token.split('.')
    const { privateKey, publicKey } = await generateKeyPair('ES256')
    const forged = await new SignJWT(decodeJwt(token))
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid: String(decodeProtectedHeader(token).kid) })
      .sign(privateKey)
    await expect(jwtVerify(forged, publicKey)).resolves.toBeDefined()
    const changed = Buffer.from(JSON.stringify({ ...decodeJwt(token), scope: 'all' })).toString('base64url')
    for (const one of [forged, `${header}.${changed}.${signature}`, `${header}.${payload}.`]) {
      expect(await introspect(api, one)).toEqual({ active: false })
    }
  })
})

describe('revoking an access token for an API (RFC 7009)', () => {
  test('kills it at once here and at verifiers; the refresh token goes on', async () => {
    const { access_token: token, refresh_token: refreshToken = '' } = await signedIn()
    expect((await revoke(app, token)).status).toBe(200)
    await expectVoid(token)
    const { access_token: fresh } = await party.refresh(refreshToken)
    expect(await isActive(fresh)).toBe(true)
  })

  test('twice is as good as once', async () => {
    const { access_token: token } = await signedIn()
    expect((await revoke(app, token)).status).toBe(200)
    expect((await revoke(app, token)).status).toBe(200)
    await expectVoid(token)
  })

  test('by another client has no effect and tells nothing', async () => {
    const { access_token: token } = await signedIn()
    for (const other of [stranger, api, otherApi]) {
      const answer = await revoke(other, token)
      expect([answer.status, await answer.text()]).toEqual([200, ''])
    }
    expect(await isActive(token)).toBe(true)
  })

  test('by another client is told to the audit log, once however often it is tried', async () => {
    const { access_token: token, refresh_token: refreshToken = '' } = await signedIn()
    for (let times = 0; times < 3; times += 1) await revoke(stranger, token)
    await revoke(stranger, refreshToken)
    const misuse = await eventually(async () => {
      const events = await provider.cli<Record<string, unknown>[]>(['events', 'list', '--kind', 'token.misused'])
      const ours = events.filter(({ client_id }) => client_id === stranger.client_id)
      // Told in the order in which it was tried: the refresh token was the last.
      return JSON.stringify(ours).includes('RefreshToken') ? ours : undefined
    })
    const told = (kind: string) => misuse?.filter(({ detail }) => (detail as { tokenKind: string }).tokenKind === kind)
    const triedBefore = 1 // in the test above
    expect(told('AccessToken')).toHaveLength(triedBefore + 1)
    expect(told('RefreshToken')).toHaveLength(1)
    for (const { detail } of misuse ?? []) expect(detail).toMatchObject({ owner: app.client_id })
    expect(JSON.stringify(misuse)).not.toContain(refreshToken)
  })

  test.each(['nonsense', 'eyJ.eyJ.eyJ'])('of what is no token, %s, is answered 200', async (token) => {
    expect((await revoke(app, token)).status).toBe(200)
  })

  test('closes userinfo to a token for userinfo', async () => {
    const { refresh_token: refreshToken = '' } = await signedIn()
    const { access_token: token } = await party.refresh(refreshToken, { scope: 'openid' })
    const userinfo = () =>
      fetch(String(discovery['userinfo_endpoint']), { headers: { authorization: `Bearer ${token}` } })
    expect((await userinfo()).status).toBe(200)
    await revoke(app, token)
    expect((await userinfo()).status).toBe(401)
  })

  test('a refresh token takes the access tokens of its grant along', async () => {
    const { access_token: token, refresh_token: refreshToken = '' } = await signedIn()
    expect((await revoke(app, refreshToken)).status).toBe(200)
    await expectVoid(token)
  })
})

describe('an access token dies with what it came from', () => {
  test('a refresh token that is used again after its successor kills the access tokens of the grant', async () => {
    const first = await signedIn()
    const second = await party.refresh(first.refresh_token ?? '')
    await expectReuseRefused(first.refresh_token ?? '')
    await expectVoid(first.access_token)
    await expectVoid(second.access_token)
  })

  test('the person signs out', async () => {
    const agent = new UserAgent(provider.issuer)
    const tokens = await signInTo(party, agent, person)
    const page = await agent.visit(party.signOutUrl({ id_token_hint: tokens.id_token ?? '' }))
    if (page.document.querySelector('#sign-out')) await agent.press(page, '#sign-out')
    await expectVoid(tokens.access_token)
  })

  test('an app that may work offline goes on after the sign-out, with new access tokens that name no session', async () => {
    const offline = await relyingParty(provider.issuer, app, { scope: 'openid offline_access orders:read' })
    const agent = new UserAgent(provider.issuer)
    const tokens = await signInTo(offline, agent, person, { prompt: 'consent' })
    const page = await agent.visit(offline.signOutUrl({ id_token_hint: tokens.id_token ?? '' }))
    if (page.document.querySelector('#sign-out')) await agent.press(page, '#sign-out')
    await expectVoid(tokens.access_token)
    const { access_token: fresh } = await offline.refresh(tokens.refresh_token ?? '')
    expect(decodeJwt(fresh)).not.toHaveProperty('sid')
    expect(await isActive(fresh)).toBe(true)
  })

  test.each([
    ['is signed out everywhere', ['users', 'sign-out', '--yes']],
    ['is disabled', ['users', 'disable']],
    ['is removed', ['users', 'remove', '--yes']],
    ['is revoked by name', ['tokens', 'revoke', '--yes', '--sub']],
  ])('the person %s', async (_what, command) => {
    const someone = await addPerson(provider)
    const { access_token: token } = await signedIn(someone)
    await provider.cli([...command, someone.email])
    await expectVoid(token)
  })

  test('the person gets another password', async () => {
    const someone = await addPerson(provider)
    const { access_token: token } = await signedIn(someone)
    await provider.cli(['users', 'set-password', someone.email, '--password-stdin'], 'another good pass phrase\n')
    await expectVoid(token)
  })

  test('whoever signs in again right after is given tokens that are good', async () => {
    const someone = await addPerson(provider)
    const { access_token: old } = await signedIn(someone)
    await provider.cli(['users', 'sign-out', '--yes', someone.email])
    const { access_token: token } = await signedIn(someone)
    expect(await isActive(token)).toBe(true)
    expect(decodeJwt(token).iat ?? 0).toBeGreaterThan(decodeJwt(old).iat ?? 0)
    await expectVoid(old)
  })

  test('it was fetched right after one revocation, and another follows at once under another name', async () => {
    const other = await addWebApp()
    const otherParty = await relyingParty(provider.issuer, other, { scope: 'openid' })
    const someone = await addPerson(provider)
    await new Promise((resolve) => setTimeout(resolve, 1_000 - (Date.now() % 1_000)))
    await provider.cli(['users', 'sign-out', '--yes', someone.email])
    const { access_token: token } = await signedIn(someone, otherParty)
    await provider.cli(['tokens', 'revoke', '--yes', '--client', other.client_id])
    expect(await introspect(other, token)).toEqual({ active: false })
    expect(await isVoidAtVerifiers(token)).toBe(true)
  })

  test('the session is ended by an administrator', async () => {
    const someone = await addPerson(provider)
    const { access_token: token } = await signedIn(someone)
    const { access_token: elsewhere } = await signedIn(someone)
    const sid = String(decodeJwt(token)['sid'])
    // Its name may begin with a dash.
    const { stdout } = await provider.command(['sessions', 'end', '--yes', '--json', '--', sid])
    expect(new Date((JSON.parse(stdout) as { void_by: string }).void_by).getTime()).toBeGreaterThan(Date.now())
    await expectVoid(token)
    expect(await isActive(elsewhere)).toBe(true)
  })

  test('the app is removed, or all that it holds is revoked', async () => {
    for (const command of [
      ['tokens', 'revoke', '--yes', '--client'],
      ['clients', 'remove', '--yes'],
    ]) {
      const other = await addWebApp()
      const { access_token: token } = await signedIn(
        person,
        await relyingParty(provider.issuer, other, { scope: 'openid' }),
      )
      await provider.cli([...command, other.client_id])
      expect(await introspect(api, token)).toEqual({ active: false })
      expect(await isVoidAtVerifiers(token)).toBe(true)
    }
  })
})

describe('at the command line', () => {
  test('a stolen token given on stdin is void, and inspect says so in words', async () => {
    const { access_token: token } = await signedIn()
    expect(await provider.cli(['tokens', 'inspect'], token)).toMatchObject({
      verdict: 'valid',
      signature: 'valid',
      grant_alive: true,
    })
    await provider.cli(['tokens', 'revoke', '--yes', '--token-stdin'], token)
    await expectVoid(token)
    const { code, stdout } = await provider.command(['tokens', 'inspect', token])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^Revoked: This token was revoked at .* \(token\.revoked\) by cli:/)
    expect(stdout).toContain(person.email)
  })

  test('a jti of the right form is revoked once however often it is named, and any other is refused in words', async () => {
    const before = (await fed()).entries.length
    const unknown = 'nobody-knows-it'.padEnd(43, '-')
    for (let times = 0; times < 3; times += 1) await provider.cli(['tokens', 'revoke', '--jti', unknown])
    const { salt, entries } = await fed()
    expect(entries.filter(([, key]) => key === keyOf(salt, 1, unknown))).toHaveLength(1)
    expect(entries.length).toBe(before + 1)
    for (const jti of ['', 'nope', 'x'.repeat(44), 'x'.repeat(5_000)]) {
      const { code, stderr } = await provider.command(['tokens', 'revoke', '--jti', jti])
      expect(code).not.toBe(0)
      expect(stderr).not.toMatch(/ at .*:\d+:\d+|23514|violates/)
      expect(stderr).toMatch(/\w+ \w+/)
    }
  }, 120_000)

  test('inspect tells a forged token from ours', async () => {
    const { access_token: token } = await signedIn()
    const [header = '', payload = ''] = token.split('.')
    const { code, stdout } = await provider.command(['tokens', 'inspect', `${header}.${payload}.${'A'.repeat(86)}`])
    expect(code).toBe(1)
    expect(stdout).toMatch(/^Forged: Its signature is invalid/)
  })

  test('an opaque refresh token is known and revoked by its value', async () => {
    const { access_token: token, refresh_token: refreshToken = '' } = await signedIn()
    expect(await provider.cli(['tokens', 'inspect'], refreshToken)).toMatchObject({
      token: 'refresh token',
      client_id: app.client_id,
    })
    await provider.cli(['tokens', 'revoke', '--yes', '--token-stdin'], refreshToken)
    await expectVoid(token)
  })
})

/** Last: every access token signed by that key dies. */
describe('a compromised key', () => {
  test('takes everything that it signed along', async () => {
    const { access_token: token } = await signedIn()
    const { kid = '' } = decodeProtectedHeader(token)
    expect((await provider.command(['keys', 'revoke', '--compromised', '--yes', '--', kid])).code).toBe(0)
    expect(await isVoidAtVerifiers(token)).toBe(true)
    const { stdout } = await provider.command(['tokens', 'inspect', token])
    expect(stdout).toMatch(/^Revoked: Its key .* was revoked/)
    await letKeysArrive(kid)
    expect(await isActive(token)).toBe(false)
    const { access_token: fresh } = await signedIn()
    expect(decodeProtectedHeader(fresh).kid).not.toBe(kid)
    expect(await isActive(fresh)).toBe(true)
  })
})

async function letKeysArrive(gone: string): Promise<void> {
  for (let tries = 0; tries < 60; tries += 1) {
    const { keys } = (await (await fetch(String(discovery['jwks_uri']))).json()) as { keys: { kid: string }[] }
    if (!keys.some(({ kid }) => kid === gone)) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
}
