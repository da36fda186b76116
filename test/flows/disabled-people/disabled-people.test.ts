/** Disabling a user must take effect at once, also at services that only check JWTs: every clause of that promise. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresPasswordStore } from '../../../src/storage/people/password-store.ts'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import { basic, type PlainAnswer, PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { type Discovery, discover, keyOf, openFrame, openSnapshot } from '../revocation/feed-reader.ts'

const redirectUri = 'https://app.example/callback'
const audience = 'https://orders.example'

let provider: Provider
let discovery: Discovery
let api: AddedClient
let client: AddedClient
let app: PlainClient

beforeAll(async () => {
  provider = await startProvider()
  api = await provider.cli<AddedClient>(['apis', 'add', audience, '--scope', 'orders:read', '--with-credentials'])
  client = await addClient(provider, { preset: 'web', firstParty: true, redirectUris: [redirectUri], apis: [audience] })
  const scope = 'openid orders:read'
  app = new PlainClient(client, { issuer: provider.issuer, redirectUri, scope, port: () => provider.port })
  discovery = await discover(provider.issuer)
}, 180_000)
afterAll(() => provider?.stop())

async function signedIn(person: Person, agent = new UserAgent(provider.issuer)) {
  const { url, verifier } = app.start()
  const arrived = await signIn(agent, url, person)
  const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  return { agent, token: String(json['access_token']), refreshToken: String(json['refresh_token']) }
}

const ask = async (url: string, by: AddedClient, form?: Record<string, string>): Promise<Response> =>
  fetch(url, {
    headers: { authorization: basic(by.client_id, by.client_secret ?? '') },
    ...(form ? { method: 'POST', body: new URLSearchParams(form) } : {}),
  })
const introspect = async (token: string) =>
  (await (await ask(discovery.introspection_endpoint, api, { token })).json()) as { active: boolean }

const ways: [string, (person: Person) => Promise<{ access_token_seconds_left?: number }>][] = [
  ['is disabled', ({ email }) => provider.cli(['users', 'disable', email])],
  ['is signed out everywhere', ({ email }) => provider.cli(['users', 'sign-out', '--yes', email])],
  [
    'is given another password',
    ({ email }) =>
      provider.cli(['users', 'set-password', email, '--password-stdin'], 'a pass phrase of another kind\n'),
  ],
]

describe.each(ways)(
  'disabling a user takes effect at once, also at services that only check JWTs: a person who %s',
  (_, end) => {
    let was: Awaited<ReturnType<typeof signedIn>>
    let told: Awaited<ReturnType<typeof end>>

    beforeAll(async () => {
      const person = await addPerson(provider)
      was = await signedIn(person)
      expect(await introspect(was.token)).toMatchObject({ active: true })
      told = await end(person)
    }, 180_000)

    test('has no session any more: the app’s next request shows the login page and never a 500', async () => {
      const page = await was.agent.visit(app.start().url)
      expect([page.status, page.heading]).toEqual([200, 'Sign in'])
      expect(page.way.filter((step) => step.startsWith('5'))).toEqual([])
      const silent = await was.agent.visit(app.start({ prompt: 'none' }).url)
      expect(silent.url.searchParams.get('error')).toBe('login_required')
    })

    test('cannot refresh: the next call is refused', async () => {
      const answer: PlainAnswer = await app.refresh(was.refreshToken)
      expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_grant'])
    })

    test('has an access token that introspection calls inactive at once', async () => {
      expect(await introspect(was.token)).toEqual({ active: false })
    })

    test('is on the signed list that services poll, which caches keep for 30 seconds', async () => {
      const answer = await ask(`${discovery.revocation_feed_endpoint}/snapshot`, api)
      expect(answer.headers.get('cache-control')).toContain('max-age=30')
      const { epoch, salt, seq, entries } = await openSnapshot(await answer.text(), discovery)
      const name = keyOf(salt, 4, String(decodeJwt(was.token).sub))
      const iat = decodeJwt(was.token).iat ?? 0
      const listed = await eventually(async () => {
        const changes = await ask(`${discovery.revocation_feed_endpoint}/changes?after=${epoch}.${seq}`, api)
        const frames = await Promise.all(((await changes.json()) as string[]).map((jws) => openFrame(jws, discovery)))
        const all = [...entries, ...frames.flatMap((frame) => frame.entries)]
        return all.find(
          ([kind, key, notBefore]) => kind === 4 && key === name && (notBefore === null || notBefore > iat),
        )
      })
      expect(listed).toBeDefined()
    })

    test('had an access token of ten minutes at the most, and the command said how long one may still be taken', () => {
      const { iat = 0, exp = 0 } = decodeJwt(was.token)
      expect(exp - iat).toBeLessThanOrEqual(600)
      expect(told.access_token_seconds_left).toBeGreaterThan(0)
      expect(told.access_token_seconds_left).toBeLessThanOrEqual(600)
    })
  },
)

test('a person who changes their own password keeps the session they do it in, and loses every other', async () => {
  const person = await addPerson(provider)
  const here = await signedIn(person)
  const [session] = await provider.cli<{ id: string }[]>(['sessions', 'list', '--user', person.email])
  const elsewhere = await signedIn(person)
  const db = openDatabase({ url: provider.databaseUrl, poolSize: 1 })
  try {
    const store = new PostgresPasswordStore(db)
    const found = await store.findByLogin(person.email)
    if (!found) throw new Error('the person is missing')
    await store.set(found.account.id, found.hash ?? '', { keepSessionUid: session?.id ?? '' })
  } finally {
    await db.close()
  }
  expect((await elsewhere.agent.visit(app.start().url)).heading).toBe('Sign in')
  expect((await here.agent.visit(app.start().url)).url.searchParams.has('code')).toBe(true)
  expect(await introspect(elsewhere.token)).toEqual({ active: false })
})
