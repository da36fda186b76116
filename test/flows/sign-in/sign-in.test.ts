/** A person signs in to an app, over plain HTTP, with the libraries that real apps use. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createRemoteJWKSet, decodeProtectedHeader, jwtVerify } from 'jose'
import { type AddedClient, addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type ResourceServer, startResourceServer } from '../../harness/resource-server.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn, signInTo } from '../../harness/sign-in.ts'
import { StrictRelyingParty } from '../../harness/strict-relying-party.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const audience = 'https://orders.example'
const redirectUri = 'https://app.example/callback'
const signedOutUri = 'https://app.example/'
const scope = 'openid profile email orders:read'

let provider: Provider
let api: ResourceServer
let person: Person
let web: AddedClient
let app: RelyingParty

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, audience, ['orders:read', 'orders:write'])
  const wishes = {
    preset: 'web' as const,
    firstParty: true,
    redirectUris: [redirectUri],
    postLogoutRedirectUris: [signedOutUri],
    apis: [audience],
  }
  ;[person, web] = await Promise.all([addPerson(provider), addClient(provider, wishes)])
  app = await relyingParty(provider.issuer, web, { redirectUri, scope })
  api = await startResourceServer(provider.issuer, audience)
})

afterAll(async () => {
  await api?.stop()
  await provider?.stop()
})

describe('authorization code with PKCE', () => {
  test('a person signs in once and the app gets tokens that an API accepts', async () => {
    const tokens = await signInTo(app, new UserAgent(provider.issuer), person)
    expect(tokens.token_type).toBe('bearer')
    const answer = await api.call('/orders', tokens.access_token)
    expect(answer.status).toBe(200)
    expect(await answer.json()).toMatchObject({ caller: { sub: tokens.claims()?.sub, client_id: web.client_id } })
  })

  test('the access token is a JWT of RFC 9068 for the API that the app is registered for', async () => {
    const tokens = await signInTo(app, new UserAgent(provider.issuer), person)
    const keys = createRemoteJWKSet(new URL(app.config.serverMetadata().jwks_uri ?? ''))
    const { payload } = await jwtVerify(tokens.access_token, keys, {
      issuer: provider.issuer,
      audience,
      typ: 'at+jwt',
      requiredClaims: ['sub', 'client_id', 'scope', 'jti', 'iat', 'exp', 'sid', 'grant_id'],
    })
    expect(String(payload['scope']).split(' ')).toContain('orders:read')
    expect(decodeProtectedHeader(tokens.access_token).alg).toBe('ES256')
    expect(payload.nbf).toBeUndefined()
  })

  test('an access token without the scope is refused with 403 and the scope that is missing', async () => {
    const tokens = await signInTo(app, new UserAgent(provider.issuer), person)
    const answer = await api.call('/orders', tokens.access_token, { method: 'POST' })
    expect(answer.status).toBe(403)
    expect(answer.headers.get('www-authenticate')).toContain('scope="orders:write"')
  })

  test('the ID token of an app that calls an API tells name and e-mail, as the scopes promise', async () => {
    const tokens = await signInTo(app, new UserAgent(provider.issuer), person)
    expect(tokens.claims()).toMatchObject({ name: person.name, email: person.email })
  })

  test('an app without an API gets an opaque access token, and userinfo tells name and e-mail', async () => {
    const client = await addClient(provider, { preset: 'web', firstParty: true, redirectUris: [redirectUri] })
    const plain = await relyingParty(provider.issuer, client, { redirectUri })
    const tokens = await signInTo(plain, new UserAgent(provider.issuer), person)
    expect(tokens.access_token).not.toContain('.')
    const claims = await plain.userinfo(tokens.access_token, tokens.claims()?.sub ?? '')
    expect(claims).toMatchObject({ name: person.name, email: person.email })
  })

  test('a second sign-in in the same browser asks for nothing', async () => {
    const agent = new UserAgent(provider.issuer)
    await signInTo(app, agent, person)
    const started = await app.start()
    const arrived = await agent.visit(started.url)
    expect(arrived.left).toBe(true)
    expect((await app.finish(arrived.url, started)).access_token).toBeDefined()
  })

  test('a wrong password answers 422, keeps the name that was typed and never the password', async () => {
    const agent = new UserAgent(provider.issuer)
    const { url } = await app.start()
    const page = await signIn(agent, url, { email: person.email, password: 'not the one it is' })
    expect(page.status).toBe(422)
    expect(page.heading).toBe('Sign in')
    expect(page.document.querySelector('input[name="login"]')?.getAttribute('value')).toBe(person.email)
    expect(page.document.querySelector('input[name="password"]')?.getAttribute('value') ?? '').toBe('')
    expect(page.text).not.toContain('not the one it is')
    const arrived = await agent.press(page, '#sign-in', { login: person.email, password: person.password })
    expect(arrived.left).toBe(true)
  })
})

describe('a strict client library', () => {
  test.each(['oidc', 'oauth2'] as const)('signs in by what %s discovery says', async (algorithm) => {
    const strict = await StrictRelyingParty.discover(provider.issuer, web, redirectUri, algorithm)
    const started = await strict.start(scope)
    const arrived = await signIn(new UserAgent(provider.issuer), started.url, person)
    expect(arrived.url.searchParams.get('iss')).toBe(provider.issuer)
    expect((await strict.finish(arrived.url, started)).token_type).toBe('bearer')
  })

  test('signs in by a pushed authorization request', async () => {
    const strict = await StrictRelyingParty.discover(provider.issuer, web, redirectUri)
    const started = await strict.startPushed(scope)
    const arrived = await signIn(new UserAgent(provider.issuer), started.url, person)
    expect((await strict.finish(arrived.url, started)).id_token).toBeDefined()
  })
})

describe('refresh', () => {
  test('a refresh token rotates on every use and the new access token is accepted', async () => {
    const tokens = await signInTo(app, new UserAgent(provider.issuer), person)
    const renewed = await app.refresh(tokens.refresh_token ?? '')
    expect(renewed.refresh_token).toBeDefined()
    expect(renewed.refresh_token).not.toBe(tokens.refresh_token)
    expect((await api.call('/orders', renewed.access_token)).status).toBe(200)
  })

  test('a refresh token that was given out without offline_access ends with the session it came from', async () => {
    const agent = new UserAgent(provider.issuer)
    const tokens = await signInTo(app, agent, person)
    const page = await agent.visit(app.signOutUrl({ id_token_hint: tokens.id_token ?? '' }))
    if (page.document.querySelector('#sign-out')) await agent.press(page, '#sign-out')
    await expect(app.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
  })
})

describe('sign-out', () => {
  test('lands on the registered address of the app and ends the session', async () => {
    const agent = new UserAgent(provider.issuer)
    const tokens = await signInTo(app, agent, person)
    const hint = { id_token_hint: tokens.id_token ?? '', post_logout_redirect_uri: signedOutUri, state: 'bye' }
    let page = await agent.visit(app.signOutUrl(hint))
    if (!page.left) page = await agent.press(page, '#sign-out')
    expect(page.url.href).toBe(`${signedOutUri}?state=bye`)
    const { url } = await app.start()
    expect((await agent.visit(url)).heading).toBe('Sign in')
  })
})
