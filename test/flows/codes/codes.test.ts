/** What may be used once, raced through two nodes of one deployment. */
import { randomUUID } from 'node:crypto'
import { mkdtemp, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { type CryptoKey, exportJWK, generateKeyPair, SignJWT } from 'jose'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { letTimePass } from '../../harness/later.ts'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient, type PlainStart } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const racers = 50

let database: TestDatabase
let nodes: Provider[] = []
let provider: Provider
let person: Person
let client: AddedClient
let app: PlainClient
let apps: PlainClient[]

beforeAll(async () => {
  database = await freshDatabase()
  provider = await startProvider({ database })
  nodes = [provider]
  const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = provider.env
  // One issuer, two processes, as behind a load balancer.
  const second = startProvider({ database, env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY } })
  ;[person, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] }),
  ])
  nodes.push(await second)
  apps = nodes.map(({ port }) => new PlainClient(client, { issuer: provider.issuer, port: () => port, redirectUri }))
  app = apps[0] as PlainClient
}, 60_000)

afterAll(async () => {
  for (const node of nodes) await node.stop()
  await database?.drop()
})

async function authorize(): Promise<PlainStart & { code: string }> {
  const started = app.start()
  const { url } = await signIn(new UserAgent(provider.issuer), started.url, person)
  return { ...started, code: url.searchParams.get('code') ?? '' }
}

/** The node's turn: every other request goes to the other process. */
const turn = (index: number): PlainClient => apps[index % apps.length] as PlainClient
const all = <T>(ask: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: racers }, (_, index) => ask(index)))

describe('an authorization code', () => {
  test('50 parallel redemptions over two processes give exactly one success', async () => {
    const { code, verifier } = await authorize()
    const answers = await all((index) => turn(index).exchange(code, verifier))
    const refused = answers.filter(({ status }) => status !== 200)
    expect(answers).toHaveLength(racers)
    expect(refused).toHaveLength(racers - 1)
    for (const { status, json } of refused)
      expect({ status, ...json }).toMatchObject({ status: 400, error: 'invalid_grant' })
  })

  test('a replay that comes later ends what the first redemption gave, on both nodes', async () => {
    const { code, verifier } = await authorize()
    const { json } = await app.exchange(code, verifier)
    expect((await turn(1).exchange(code, verifier)).json).toMatchObject({ error: 'invalid_grant' })
    for (const one of apps) {
      expect((await one.refresh(String(json['refresh_token']))).json).toMatchObject({ error: 'invalid_grant' })
      const headers = { authorization: `Bearer ${json['access_token']}` }
      expect((await one.post('/me', {}, headers)).status).toBe(401)
    }
  })

  test('a replay in the last second of the code’s life is still recognised as one', async () => {
    const { code, verifier } = await authorize()
    const { json } = await app.exchange(code, verifier)
    await letTimePass(provider.databaseUrl, 50)
    expect((await app.exchange(code, verifier)).status).toBe(400)
    expect((await app.refresh(String(json['refresh_token']))).json).toMatchObject({ error: 'invalid_grant' })
  })

  test('a code that nobody redeemed for a minute is worth nothing', async () => {
    const { code, verifier } = await authorize()
    await letTimePass(provider.databaseUrl, 61)
    expect((await app.exchange(code, verifier)).json).toMatchObject({ error: 'invalid_grant' })
  })

  test('a code is worth nothing with another verifier, another redirect URI, or to another app', async () => {
    const other = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
    const thief = new PlainClient(other, { issuer: provider.issuer, port: () => provider.port, redirectUri })
    const wrong = [
      ({ code }: PlainStart & { code: string }) => app.exchange(code, 'v'.repeat(43)),
      ({ code, verifier }: PlainStart & { code: string }) =>
        app.exchange(code, verifier, { redirect_uri: 'https://app.example/callback/' }),
      ({ code, verifier }: PlainStart & { code: string }) => thief.exchange(code, verifier),
    ]
    for (const attempt of wrong) {
      expect((await attempt(await authorize())).json).toMatchObject({ error: 'invalid_grant' })
    }
  })

  test('a code from one node is redeemed at the other, and its refresh token at the first again', async () => {
    const { code, verifier } = await authorize()
    const { json } = await turn(1).exchange(code, verifier)
    expect((await app.refresh(String(json['refresh_token']))).status).toBe(200)
  })
})

describe('a pushed authorization request', () => {
  test('leads to one code, in however many browsers it is opened', async () => {
    const { url, verifier } = app.start()
    const pushed = await app.post('/request', Object.fromEntries(url.searchParams))
    expect(pushed.status).toBe(201)
    const query = new URLSearchParams({ client_id: app.id, request_uri: String(pushed.json['request_uri']) })
    const visit = provider.url(`/auth?${query}`)
    const arrivals = await Promise.all(
      [1, 2, 3, 4, 5].map(() => signIn(new UserAgent(provider.issuer), new URL(visit), person)),
    )
    const codes = arrivals.flatMap((arrived) => arrived.url.searchParams.get('code') ?? [])
    expect(codes).toHaveLength(1)
    expect((await app.exchange(codes[0] ?? '', verifier)).status).toBe(200)
    for (const { left, status } of arrivals) expect(left || status === 400).toBe(true)
    const late = await new UserAgent(provider.issuer).visit(visit)
    expect(late).toMatchObject({ status: 400, heading: 'This request cannot be completed' })
  })
})

describe('a client’s signed assertion', () => {
  let key: CryptoKey
  let service: PlainClient[]

  beforeAll(async () => {
    const pair = await generateKeyPair('ES256', { extractable: true })
    key = pair.privateKey
    const file = join(await mkdtemp(join(process.env['CLAVIGER_TEST_RUN'] ?? tmpdir(), 'jwks-')), 'jwks.json')
    await writeFile(
      file,
      JSON.stringify({ keys: [{ ...(await exportJWK(pair.publicKey)), kid: 'one', alg: 'ES256' }] }),
    )
    await provider.cli(['apis', 'add', 'https://orders.example', '--scope', 'orders:read'])
    const added = await addClient(provider, {
      preset: 'service',
      apis: ['https://orders.example'],
      more: ['--token-endpoint-auth-method', 'private_key_jwt', '--jwks-file', file],
    })
    service = nodes.map(
      ({ port }) => new PlainClient(added, { issuer: provider.issuer, port: () => port, redirectUri }),
    )
  })

  const assertion = (jti: string, { aud = provider.issuer as string | string[], seconds = 60 } = {}) =>
    new SignJWT({ jti })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setIssuer(service[0]?.id ?? '')
      .setSubject(service[0]?.id ?? '')
      .setAudience(aud)
      .setIssuedAt()
      .setExpirationTime(`${seconds}s`)
      .sign(key)

  const askFor = (signed: string, at = 0) =>
    (service[at % service.length] as PlainClient).token({
      grant_type: 'client_credentials',
      client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer',
      client_assertion: signed,
    })

  test('proves the client once: 50 parallel uses over two processes give exactly one token', async () => {
    const signed = await assertion(randomUUID())
    const answers = await all((index) => askFor(signed, index))
    expect(answers.filter(({ status }) => status === 200)).toHaveLength(1)
    for (const { status, json } of answers) if (status !== 200) expect(json).toMatchObject({ error: 'invalid_client' })
  })

  test('must be for the issuer alone: a list, an endpoint or another server is refused', async () => {
    const { issuer } = provider
    for (const aud of [
      [issuer],
      [issuer, 'https://other.example'],
      `${issuer}/token`,
      `${issuer}/`,
      'https://other.example',
    ]) {
      expect((await askFor(await assertion(randomUUID(), { aud }))).json).toMatchObject({ error: 'invalid_client' })
    }
  })

  test('must expire within ten minutes', async () => {
    expect((await askFor(await assertion(randomUUID(), { seconds: 590 }))).status).toBe(200)
    expect((await askFor(await assertion(randomUUID(), { seconds: 660 }))).json).toMatchObject({
      error: 'invalid_client',
    })
    expect((await askFor(await assertion(randomUUID(), { seconds: -30 }))).json).toMatchObject({
      error: 'invalid_client',
    })
  })

  test('without a jti, or signed by somebody else, proves nothing', async () => {
    const { privateKey } = await generateKeyPair('ES256')
    const forged = await new SignJWT({
      jti: randomUUID(),
      iss: service[0]?.id,
      sub: service[0]?.id,
      aud: provider.issuer,
    })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setExpirationTime('60s')
      .sign(privateKey)
    expect((await askFor(forged)).json).toMatchObject({ error: 'invalid_client' })
    const nameless = await new SignJWT({ iss: service[0]?.id, sub: service[0]?.id, aud: provider.issuer })
      .setProtectedHeader({ alg: 'ES256', kid: 'one' })
      .setExpirationTime('60s')
      .sign(key)
    expect((await askFor(nameless)).json).toMatchObject({ error: 'invalid_client' })
  })
})
