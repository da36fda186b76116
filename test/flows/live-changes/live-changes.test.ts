/** What an administrator changes by a command, running nodes heed within a second. */
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { askDatabase } from '../../harness/later.ts'
import { addApi, addClient, addPerson } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const pauseMs = 50
/** A second is promised; a machine shared with other tests gets half of one more. */
const patienceMs = 1_500

let provider: Provider

beforeAll(async () => {
  provider = await startProvider()
}, 60_000)

afterAll(() => provider?.stop())

/** True when it became so within the promised time after the command had ended. */
async function soon(isSo: () => Promise<boolean>): Promise<boolean> {
  for (let tries = 0; tries <= patienceMs / pauseMs; tries += 1) {
    if (await isSo()) return true
    await wait(pauseMs)
  }
  return false
}

const place = () => ({ issuer: provider.issuer, redirectUri, port: () => provider.port })
const service = async (apis: string[] = []) =>
  new PlainClient(await addClient(provider, { preset: 'service', apis }), place())
const tokenStatus = (client: PlainClient, more: Record<string, string> = {}) =>
  client.token({ grant_type: 'client_credentials', ...more }).then(({ status }) => status)

test('a new client may ask for tokens within a second, though its id was refused a moment before', async () => {
  const id = 'comes-later'
  await addApi(provider, 'https://later.example')
  const early = new PlainClient({ client_id: id, client_secret: 'x' }, place())
  expect(await tokenStatus(early)).toBe(401)
  const added = await addClient(provider, { preset: 'service', id, apis: ['https://later.example'] })
  expect(await soon(async () => (await tokenStatus(new PlainClient(added, place()))) === 200)).toBe(true)
})

test('a removed client gets no token within a second', async () => {
  await addApi(provider, 'https://brief.example')
  const client = await service(['https://brief.example'])
  expect(await soon(async () => (await tokenStatus(client)) === 200)).toBe(true)
  await provider.cli(['clients', 'remove', '--yes', client.id])
  expect(await soon(async () => (await tokenStatus(client)) === 401)).toBe(true)
})

test('a rotated secret works within a second, and the old secret works beside it until its end', async () => {
  await addApi(provider, 'https://overlap.example')
  const client = await service(['https://overlap.example'])
  const next = await provider.cli<{ client_id: string; client_secret: string }>(['clients', 'rotate-secret', client.id])
  const renewed = new PlainClient(next, place())
  expect(await soon(async () => (await tokenStatus(renewed)) === 200)).toBe(true)
  expect(await tokenStatus(client)).toBe(200)
  await askDatabase(provider.databaseUrl, 'update clients set previous_secret_until = now() where id = $1', [client.id])
  expect(await soon(async () => (await tokenStatus(client)) === 401)).toBe(true)
  expect(await tokenStatus(renewed)).toBe(200)
})

test('a secret that was rotated without an overlap stops working within a second', async () => {
  await addApi(provider, 'https://exchange.example')
  const client = await service(['https://exchange.example'])
  expect(await soon(async () => (await tokenStatus(client)) === 200)).toBe(true)
  const next = await provider.cli<{ client_id: string; client_secret: string }>([
    'clients',
    'rotate-secret',
    client.id,
    '--overlap',
    '0',
    '--yes',
  ])
  expect(await soon(async () => (await tokenStatus(new PlainClient(next, place()))) === 200)).toBe(true)
  expect(await tokenStatus(client)).toBe(401)
})

test('a new redirect URI is accepted within a second', async () => {
  const client = await addClient(provider, { preset: 'spa', redirectUris: [redirectUri] })
  const agent = new UserAgent(provider.issuer)
  const { url } = new PlainClient(client, { ...place(), redirectUri: 'https://new.example/callback' }).start()
  expect((await agent.visit(url)).status).toBe(400)
  const uris = ['--redirect-uri', redirectUri, '--redirect-uri', 'https://new.example/callback']
  await provider.cli(['clients', 'set', client.client_id, ...uris])
  expect(await soon(async () => (await agent.visit(url)).heading === 'Sign in')).toBe(true)
})

test('an API that was removed gives no token within a second', async () => {
  await addApi(provider, 'https://gone.example')
  await addApi(provider, 'https://stays.example')
  const client = await service(['https://stays.example', 'https://gone.example'])
  const resource = { resource: 'https://gone.example' }
  expect(await soon(async () => (await tokenStatus(client, resource)) === 200)).toBe(true)
  await provider.cli(['clients', 'set', client.id, '--api', 'https://stays.example'])
  await provider.cli(['apis', 'remove', '--yes', 'https://gone.example'])
  expect(await soon(async () => (await tokenStatus(client, resource)) === 400)).toBe(true)
})

test('a disabled person is signed out within a second: no refresh, no silent sign-in, no new one, and never a 500', async () => {
  const person = await addPerson(provider)
  const added = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  const app = new PlainClient(added, place())
  const agent = new UserAgent(provider.issuer)
  const { url, verifier } = app.start()
  const arrived = await signIn(agent, url, person)
  const tokens = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  expect(tokens.status).toBe(200)
  await provider.cli(['users', 'disable', person.email])
  expect(await soon(async () => (await agent.visit(app.start().url)).heading === 'Sign in')).toBe(true)
  expect((await app.refresh(String(tokens.json['refresh_token']))).json['error']).toBe('invalid_grant')
  expect((await signIn(agent, app.start().url, person)).status).toBe(422)
  const silent = await agent.visit(app.start({ prompt: 'none' }).url)
  expect(silent.url.searchParams.get('error')).toBe('login_required')
  await provider.cli(['users', 'enable', person.email])
  expect(await soon(async () => (await signIn(agent, app.start().url, person)).left)).toBe(true)
})

test('a new password holds at once, and the old one no longer', async () => {
  const person = await addPerson(provider)
  const added = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  const app = new PlainClient(added, place())
  const next = 'another-and-longer-password'
  await provider.cli(['users', 'set-password', person.email, '--password-stdin'], `${next}\n`)
  expect((await signIn(new UserAgent(provider.issuer), app.start().url, person)).status).toBe(422)
  expect((await signIn(new UserAgent(provider.issuer), app.start().url, { ...person, password: next })).left).toBe(true)
})

test('a key that was rotated in signs within a second, and what the old one signed is still published', async () => {
  await addApi(provider, 'https://signed.example')
  const client = await service(['https://signed.example'])
  const kid = async () => {
    const { json } = await client.token({ grant_type: 'client_credentials' })
    return json['access_token'] === undefined ? undefined : decodeProtectedHeader(String(json['access_token'])).kid
  }
  expect(await soon(async () => (await kid()) !== undefined)).toBe(true)
  const before = await kid()
  await provider.cli(['keys', 'rotate', '--now', '--alg', 'ES256'])
  expect(await soon(async () => (await kid()) !== before)).toBe(true)
  const published = await fetch(provider.url('/jwks')).then((answer) => answer.text())
  expect(published).toContain(String(before))
})

test('scopes and lifetime of an API change within a second, and the client that is registered for it stays so', async () => {
  const audience = 'https://widens.example'
  await addApi(provider, audience, ['read', 'write'])
  const client = await service([audience])
  const granted = async (scope: string) => {
    const { json } = await client.token({ grant_type: 'client_credentials', scope })
    return { scope: json['scope'], seconds: json['expires_in'] }
  }
  expect(await granted('read write')).toEqual({ scope: 'read write', seconds: expect.any(Number) })
  const change = ['--remove-scope', 'write', '--add-scope', 'admin', '--ttl', '77s']
  await provider.cli(['apis', 'set', audience, ...change])
  expect(await soon(async () => (await granted('read admin')).seconds === 77)).toBe(true)
  expect((await granted('read admin')).scope).toBe('read admin')
  expect((await granted('read write')).scope).not.toContain('write')
})

test('a grant from before is refreshed without the scope that an API lost', async () => {
  const audience = 'https://narrows.example'
  await addApi(provider, audience, ['read', 'write'])
  const person = await addPerson(provider)
  const redirects = { redirectUris: [redirectUri], firstParty: true, apis: [audience] }
  const app = new PlainClient(await addClient(provider, { preset: 'spa', ...redirects }), place())
  const { url, verifier } = app.start({ scope: 'openid read write' })
  const arrived = await signIn(new UserAgent(provider.issuer), url, person)
  let tokens = (await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)).json
  const scopes = () => String(decodeJwt(String(tokens['access_token']))['scope']).split(' ')
  expect(scopes()).toEqual(expect.arrayContaining(['read', 'write']))
  await provider.cli(['apis', 'set', audience, '--remove-scope', 'write'])
  const isGone = await soon(async () => {
    const answer = await app.refresh(String(tokens['refresh_token']))
    expect(answer.status).toBe(200)
    tokens = answer.json
    return !scopes().includes('write')
  })
  expect(isGone).toBe(true)
  expect(scopes()).toContain('read')
})

test('a person with a new name, address and claims stays signed in, and apps see the change at once', async () => {
  const person = await addPerson(provider)
  const added = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
  const app = new PlainClient(added, place())
  const { url, verifier } = app.start({ scope: 'openid profile email' })
  const agent = new UserAgent(provider.issuer)
  const arrived = await signIn(agent, url, person)
  const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  const userinfo = async () =>
    fetch(provider.url('/me'), { headers: { authorization: `Bearer ${json['access_token']}` } }).then((answer) =>
      answer.json(),
    )
  const address = `new.${person.email}`
  const changes = ['--name', 'Ada King', '--email', address, '--claim', 'nickname=Countess']
  await provider.cli(['users', 'set', person.email, ...changes])
  expect(await userinfo()).toMatchObject({
    name: 'Ada King',
    email: address,
    email_verified: false,
    nickname: 'Countess',
  })
  expect((await agent.visit(app.start({ prompt: 'none' }).url)).url.searchParams.get('error')).toBeNull()
  expect((await signIn(new UserAgent(provider.issuer), app.start().url, person)).status).toBe(422)
  expect((await signIn(new UserAgent(provider.issuer), app.start().url, { ...person, email: address })).left).toBe(true)
})
