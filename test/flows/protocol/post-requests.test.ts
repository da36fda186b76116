/** Requests that a browser may also post: OpenID Connect Core §3.1.2.1, RP-Initiated Logout 1.0 §2. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { addClient, addPerson } from '../../harness/people.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

let provider: Provider

beforeAll(async () => {
  provider = await startProvider()
}, 60_000)

afterAll(() => provider.stop())

const post = (path: string, form: Record<string, string>) =>
  fetch(`${provider.issuer}${path}`, { method: 'POST', body: new URLSearchParams(form), redirect: 'manual' })

test('a posted authorization request goes on as the same request by GET, where the browser shows its session', async () => {
  const answer = await post('/auth', { client_id: 'app', scope: 'openid email', state: 'a b&c' })
  expect(answer.status).toBe(303)
  const next = new URL(answer.headers.get('location') ?? '')
  expect(next.origin + next.pathname).toBe(`${provider.issuer}/auth`)
  expect(Object.fromEntries(next.searchParams)).toEqual({ client_id: 'app', scope: 'openid email', state: 'a b&c' })
})

test('a posted sign-out goes on in the same way', async () => {
  const answer = await post('/session/end', { client_id: 'app', state: 's' })
  expect(answer.status).toBe(303)
  expect(answer.headers.get('location')).toBe(`${provider.issuer}/session/end?client_id=app&state=s`)
})

test('a posted request of another content type is refused in words', async () => {
  const answer = await fetch(`${provider.issuer}/auth`, {
    method: 'POST',
    body: '{}',
    headers: { 'content-type': 'application/json' },
  })
  expect(answer.status).toBe(400)
  expect(await answer.json()).toMatchObject({ error: 'invalid_request' })
})

test('a whole sign-in may begin with a posted request', async () => {
  const [client, person] = await Promise.all([
    addClient(provider, { preset: 'spa', firstParty: true, redirectUris: ['http://127.0.0.1:1/callback'] }),
    addPerson(provider),
  ])
  expect(person.email).toContain('@')
  const form = {
    client_id: client.client_id,
    response_type: 'code',
    redirect_uri: 'http://127.0.0.1:1/callback',
    scope: 'openid',
    code_challenge: 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM',
    code_challenge_method: 'S256',
  }
  const first = await post('/auth', form)
  const second = await fetch(first.headers.get('location') ?? '', { redirect: 'manual' })
  expect(second.headers.get('location')).toContain('/interaction/')
})
