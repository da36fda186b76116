/** What an administrator is shown of an app's tokens is what the app gets. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { addApi, addClient, addPerson, type ClientWishes, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

interface Told {
  scope: string
  id_token: Opened
  access_token?: Opened
  userinfo: Record<string, unknown>
}
interface Opened {
  header: Record<string, unknown>
  payload: Record<string, unknown>
}

const redirectUri = 'https://app.example/callback'
const orders = 'https://orders.example'

let provider: Provider
let rows: Rows
let ada: Person

beforeAll(async () => {
  provider = await startProvider()
  rows = await openRows(provider.databaseUrl)
  ada = await addPerson(provider)
  await addApi(provider, orders, ['orders:read', 'orders:write'])
}, 120_000)

afterAll(async () => {
  await rows?.close()
  await provider?.stop()
})

const opened = (token: unknown): Opened | undefined =>
  String(token).startsWith('eyJ')
    ? { header: { ...decodeProtectedHeader(String(token)) }, payload: decodeJwt(String(token)) }
    : undefined

/** What differs from one sign-in to the next is replaced by its type. */
const own = new Set(['iat', 'exp', 'jti', 'sid', 'auth_time', 'at_hash', 'grant_id', 'kid'])
const lasting = (content: unknown) =>
  JSON.parse(JSON.stringify(content ?? null), (key, value: unknown) => (own.has(key) ? typeof value : value)) as unknown

async function reallyGets(id: { client_id: string; client_secret?: string }, scope: string): Promise<unknown> {
  const app = new PlainClient(id, { issuer: provider.issuer, port: () => provider.port, redirectUri, scope })
  const { url, verifier } = app.start()
  const agent = new UserAgent(provider.issuer)
  const page = await signIn(agent, url, ada)
  const arrived = page.left ? page : await agent.press(page, '#allow')
  const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  const userinfo = await fetch(provider.url('/me'), { headers: { authorization: `Bearer ${json['access_token']}` } })
  return lasting({
    scope: json['scope'],
    id_token: opened(json['id_token']),
    userinfo: userinfo.ok ? await userinfo.json() : null,
    access_token: opened(json['access_token']),
  })
}

describe('clients preview prints the exact ID token, userinfo and access token that the app would get', () => {
  const apps: [string, Omit<ClientWishes, 'redirectUris'>][] = [
    ['an app of the house with an API', { preset: 'spa', firstParty: true, apis: [orders] }],
    ['a guest app without an API', { preset: 'web' }],
    [
      'an app with profile claims in its ID token',
      { preset: 'web', more: ['--claims-in-id-token', '--id-token-alg', 'RS256'] },
    ],
  ]

  test.each(apps)('%s', async (_name, wishes) => {
    const client = await addClient(provider, { ...wishes, redirectUris: [redirectUri] })
    const scope = wishes.apis ? 'openid email orders:read' : 'openid profile email'
    const words = ['clients', 'preview', client.client_id, '--user', ada.email, '--scope', scope]
    expect(lasting(await provider.cli(words))).toEqual(await reallyGets(client, scope))
  })

  test.each([
    ['refresh token travels in a cookie', '--refresh-delivery', 'cookie'],
    ['requests must be pushed', '--require-par'],
    ['tokens must be bound to a key', '--dpop-bound'],
  ])('also of an app whose %s, where it cannot be asked as plainly', async (_what, ...more) => {
    const wishes = { preset: 'spa' as const, firstParty: true, redirectUris: [redirectUri] }
    const [plain, special] = await Promise.all([addClient(provider, wishes), addClient(provider, { ...wishes, more })])
    const [expected, shown] = await Promise.all(
      [plain, special].map(({ client_id: id }) => provider.cli<Told>(['clients', 'preview', id, '--user', ada.email])),
    )
    const told = JSON.parse(JSON.stringify(lasting(shown)).replaceAll(special.client_id, plain.client_id))
    expect(told).toEqual(lasting(expected))
    expect(shown?.userinfo).toMatchObject({ email: ada.email })
  })
})

describe('a preview', () => {
  const everything = () =>
    rows.query('select (select count(*) from artifacts) as artifacts, (select count(*) from events) as events')

  test('leaves nothing behind, and its tokens open nothing', async () => {
    const { client_id: id } = await addClient(provider, { preset: 'spa', apis: [orders], redirectUris: [redirectUri] })
    const before = await everything()
    const shown = await provider.cli<Told>(['clients', 'preview', id, '--user', ada.email])
    expect(shown.scope).toBe('openid profile email address phone orders:read orders:write')
    expect(await everything()).toEqual(before)
    const { keys } = (await (await fetch(provider.url('/jwks'))).json()) as { keys: { kid: string }[] }
    expect(keys.map(({ kid }) => kid)).not.toContain(shown.id_token.header['kid'])
  })

  test('of a disabled person, of an unknown one, or for a service says why there is none', async () => {
    const grace = await addPerson(provider)
    await provider.cli(['users', 'disable', grace.email])
    const { client_id: id } = await addClient(provider, { preset: 'spa', redirectUris: [redirectUri] })
    const { client_id: service } = await addClient(provider, { preset: 'service', apis: [orders] })
    for (const [words, reason] of [
      [[id, '--user', grace.email], /disabled/],
      [[id, '--user', 'nobody@example.com'], /no person/],
      [[service, '--user', ada.email], /has no sign-in by browser/],
      [[id, '--user', ada.email, '--scope', 'email'], /openid/],
    ] as const) {
      const { code, stderr } = await provider.command(['clients', 'preview', ...words])
      expect(code).not.toBe(0)
      expect(stderr).toMatch(reason)
      expect(stderr).not.toContain('    at ')
    }
  })
})
