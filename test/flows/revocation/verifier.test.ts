/** A person, an app and an API with `@claviger/verifier` in front: what ends at the provider ends at the API. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import Koa from 'koa'
import {
  createVerifier,
  koaAuth,
  tokenOf,
  type Verifier,
  type WatchEnd,
} from '../../../packages/verifier/src/verifier.ts'
import { eventually } from '../../harness/eventually.ts'
import { letTimePass } from '../../harness/later.ts'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { discover } from './feed-reader.ts'

const audience = 'https://orders.example'
/** Asked so often after what ended the token: about a second. */
const aSecond = { tries: 20, pauseMs: 50 }

let provider: Provider
let app: AddedClient
let party: RelyingParty
let verifier: Verifier
let api: Server

beforeAll(async () => {
  provider = await startProvider()
  const credentials = await provider.cli<Required<AddedClient>>([
    'apis',
    'add',
    audience,
    '--scope',
    'orders:read',
    '--with-credentials',
  ])
  app = await addClient(provider, {
    preset: 'web',
    redirectUris: ['https://app.example/callback'],
    apis: [audience],
    firstParty: true,
  })
  party = await relyingParty(provider.issuer, app, { scope: 'openid orders:read' })
  const { revocation_feed_jwks: feedKeys } = await discover(provider.issuer)
  verifier = await createVerifier({
    issuer: provider.issuer,
    audience,
    revocation: {
      auth: { clientId: credentials.client_id, clientSecret: credentials.client_secret },
      pinnedFeedKeys: feedKeys.keys.map(({ kid = '' }) => kid),
    },
  })
  const koa = new Koa()
  koa.use(koaAuth(verifier, { scope: 'orders:read' }))
  koa.use((ctx) => {
    ctx.body = { orders: [], for: tokenOf(ctx).subject }
  })
  api = createServer(koa.callback())
  await new Promise<void>((resolve) => api.listen(0, '127.0.0.1', resolve))
  await verifier.ready()
})
afterAll(async () => {
  await verifier?.close()
  api?.close()
  await provider?.stop()
})

const ask = (token: string) =>
  fetch(`http://127.0.0.1:${(api.address() as AddressInfo).port}/`, { headers: { authorization: `Bearer ${token}` } })

const signedIn = (person: Person, agent = new UserAgent(provider.issuer)): Promise<Tokens> =>
  signInTo(party, agent, person)

/** Someone whose token the API has just taken, so that it lies in the verifier's cache. */
async function atTheApi(agent?: UserAgent) {
  const person = await addPerson(provider)
  const tokens = await signedIn(person, agent)
  expect((await ask(tokens.access_token)).status).toBe(200)
  return { person, tokens, token: tokens.access_token }
}

async function expectRefused(token: string): Promise<void> {
  const refused = await eventually(async () => {
    const answer = await ask(token)
    return answer.status === 200 ? undefined : answer
  }, aSecond)
  expect([refused?.status, refused?.headers.get('www-authenticate')]).toEqual([
    401,
    expect.stringMatching(/^Bearer error="invalid_token", error_description="The access token was revoked"/),
  ])
}

describe('an API that verifies offline', () => {
  test('follows the feed of the provider', () => {
    expect(verifier.isReady).toBe(true)
    expect(verifier.metrics()).toMatchObject({ framesRefused: 0, snapshots: 1 })
  })

  test.each([
    ['the token is revoked by its jti', (token: string) => ['--jti', String(decodeJwt(token).jti)]],
    ['its session is', (token: string) => ['--sid', String(decodeJwt(token)['sid'])]],
    ['its person is', (token: string) => ['--sub', String(decodeJwt(token).sub)]],
  ])('refuses within a second once %s at the command line', async (_, which) => {
    const { token } = await atTheApi()
    const bystander = await atTheApi()
    await provider.cli(['tokens', 'revoke', '--yes', ...which(token)])
    await expectRefused(token)
    expect((await ask(bystander.token)).status).toBe(200)
  })

  test.each([
    ['is disabled', ['users', 'disable']],
    ['is signed out everywhere by an administrator', ['users', 'sign-out', '--yes']],
  ])('refuses within a second once the person %s', async (_, command) => {
    const { person, token } = await atTheApi()
    await provider.cli([...command, person.email])
    await expectRefused(token)
  })

  test('refuses within a second once the person signs out in the browser', async () => {
    const agent = new UserAgent(provider.issuer)
    const { tokens, token } = await atTheApi(agent)
    const page = await agent.visit(party.signOutUrl({ id_token_hint: tokens.id_token ?? '' }))
    if (page.document.querySelector('#sign-out')) await agent.press(page, '#sign-out')
    await expectRefused(token)
  })

  test('refuses a whole family within a second once a refresh token of it is used again', async () => {
    const { tokens, token } = await atTheApi()
    const refreshed = await party.refresh(tokens.refresh_token ?? '')
    expect((await ask(refreshed.access_token)).status).toBe(200)
    await letTimePass(provider.databaseUrl, 11, { models: [5] })
    await expect(party.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
    await expectRefused(token)
    await expectRefused(refreshed.access_token)
  })

  test('tells a long connection that its token died', async () => {
    const { person, token } = await atTheApi()
    const heard: WatchEnd[] = []
    verifier.watch(token, (reason) => heard.push(reason))
    await provider.cli(['users', 'sign-out', '--yes', person.email])
    await eventually(() => heard[0], aSecond)
    expect(heard).toEqual(['revoked'])
  })

  test('takes what a person gets who signs in again after being signed out', async () => {
    const { person, token } = await atTheApi()
    await provider.cli(['users', 'sign-out', '--yes', person.email])
    await expectRefused(token)
    const { access_token: fresh } = await signedIn(person)
    expect((await ask(fresh)).status).toBe(200)
  })

  test('refuses within a second everything that was issued to anybody, and takes what they fetch next', async () => {
    const { token, tokens } = await atTheApi()
    const { token: other } = await atTheApi()
    expect(await provider.cli(['tokens', 'revoke', '--yes', '--all'])).toMatchObject({
      iss: provider.issuer,
      revoked: true,
    })
    await expectRefused(token)
    await expectRefused(other)
    const { access_token: fresh } = await party.refresh(tokens.refresh_token ?? '')
    expect((await ask(fresh)).status).toBe(200)
  })

  test('refuses within a second whatever a revoked key signed, and takes what the next one signs', async () => {
    const { token, person } = await atTheApi()
    const { kid = '' } = decodeProtectedHeader(token)
    expect((await provider.command(['keys', 'revoke', '--compromised', '--yes', '--', kid])).code).toBe(0)
    await expectRefused(token)
    const next = await eventually(async () => {
      const { access_token: fresh } = await signedIn(person)
      return decodeProtectedHeader(fresh).kid === kid ? undefined : fresh
    })
    expect((await ask(next ?? '')).status).toBe(200)
  })
})
