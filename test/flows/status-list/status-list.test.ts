/** Token Status Lists: what a verifier learns of a token that knows nothing but the specification. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { letTimePass } from '../../harness/later.ts'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { type Discovery, discover } from '../revocation/feed-reader.ts'
import { placeOf, readList } from './status-reader.ts'

const audience = 'https://api.example'
const ledgerOn = { CLAVIGER_TOKEN_LEDGER: 'on' }

let provider: Provider
let second: Provider
let rows: Rows
let person: Person
let app: AddedClient
let party: RelyingParty
let service: AddedClient
let discovery: Discovery

beforeAll(async () => {
  provider = await startProvider({ env: ledgerOn })
  const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = provider.env
  second = await startProvider({
    database: { url: provider.databaseUrl },
    env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY, ...ledgerOn },
  })
  rows = await openRows(provider.databaseUrl)
  await provider.cli(['apis', 'add', audience, '--scope', 'orders:read'])
  person = await addPerson(provider)
  app = await addWebApp()
  service = await addClient(provider, { preset: 'service', apis: [audience] })
  party = await relyingParty(provider.issuer, app, { scope: 'openid orders:read' })
  discovery = await discover(provider.issuer)
}, 120_000)
afterAll(async () => {
  await rows?.close()
  await second?.stop()
  await provider?.stop()
})

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

const post = (url: string, client: AddedClient, form: Record<string, string>) =>
  fetch(url, { method: 'POST', headers: { authorization: basic(client) }, body: new URLSearchParams(form) })

async function serviceToken(client = service): Promise<string> {
  const answer = await post(discovery.token_endpoint, client, {
    grant_type: 'client_credentials',
    scope: 'orders:read',
  })
  return String(((await answer.json()) as { access_token: string }).access_token)
}

const jwksUri = () => String(discovery['jwks_uri'])

/** The same list, of the other node. */
const atSecond = (uri: string) => uri.replace(`:${provider.port}/`, `:${second.port}/`)

async function statusOf(token: string): Promise<number> {
  const { uri, idx } = placeOf(token)
  return (await readList(uri, jwksUri())).status(idx)
}

/** At either node, without waiting for anything but the nodes' own looks. */
async function expectInvalid(token: string): Promise<void> {
  const { uri, idx } = placeOf(token)
  for (const at of [uri, atSecond(uri)]) {
    const isSet = async () => (await readAt(uri, at)).status(idx) === 1 || undefined
    expect(await eventually(isSet, { tries: 200 })).toBe(true)
  }
}

/** The second node knows itself by the issuer's host only. */
async function readAt(uri: string, at: string) {
  if (at === uri) return readList(uri, jwksUri())
  return readList(uri, jwksUri(), at)
}

describe('an access token', () => {
  test('says where its status is: an index of its own in a list of the issuer', async () => {
    const tokens = await Promise.all([signedIn(), signedIn()].map(async (one) => (await one).access_token))
    tokens.push(await serviceToken(), await serviceToken())
    const places = tokens.map(placeOf)
    for (const { uri, idx } of places) {
      expect(uri.startsWith(`${provider.issuer}/status-lists/`)).toBe(true)
      expect(idx).toBeGreaterThanOrEqual(0)
      expect(idx).toBeLessThan(131_072)
    }
    expect(new Set(places.map(({ uri, idx }) => `${uri}#${idx}`)).size).toBe(tokens.length)
  })
})

describe('a status list', () => {
  test('is a signed JWT as the specification has it, believed for minutes and fetched anew within seconds', async () => {
    const { uri, idx } = placeOf((await signedIn()).access_token)
    const { claims, alg, response, status } = await readList(uri, jwksUri())
    expect(response.headers.get('content-type')).toMatch(/^application\/statuslist\+jwt/)
    expect(response.headers.get('access-control-allow-origin')).toBe('*')
    expect(alg).toBe('ES256')
    expect(claims).toMatchObject({ iss: provider.issuer, sub: uri, ttl: 10, exp: (claims.iat ?? 0) + 300 })
    expect(claims['status_list']).toEqual({
      bits: 1,
      lst: expect.stringMatching(/^[\w-]+$/),
      aggregation_uri: discovery['status_list_aggregation_endpoint'],
    })
    expect(status(idx)).toBe(0)
  })
})

describe('a bit is set', () => {
  test('when the token is revoked by its app', async () => {
    const { access_token: token } = await signedIn()
    const { access_token: other } = await signedIn()
    expect(await statusOf(token)).toBe(0)
    await post(discovery.revocation_endpoint, app, { token })
    await expectInvalid(token)
    expect(await statusOf(other)).toBe(0)
  })
})
