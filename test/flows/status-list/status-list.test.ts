/** Token Status Lists: what a verifier learns of a token that knows nothing but the specification. */
import { createHash } from 'node:crypto'
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
import { ask } from '../../harness/wire.ts'
import { type Discovery, discover } from '../revocation/feed-reader.ts'
import { fetchList, placeOf, readList } from './status-reader.ts'

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
})
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

async function serviceToken(client = service, { port } = provider): Promise<string> {
  const { host, pathname } = new URL(discovery.token_endpoint)
  const answer = await ask(port, {
    method: 'POST',
    path: pathname,
    headers: { Host: host, Authorization: basic(client), 'Content-Type': 'application/x-www-form-urlencoded' },
    body: 'grant_type=client_credentials&scope=orders%3Aread',
  })
  return String((JSON.parse(answer.text) as { access_token?: string }).access_token)
}

const jwksUri = () => String(discovery['jwks_uri'])

async function statusOf(token: string, node = provider): Promise<number> {
  const { uri, idx } = placeOf(token)
  return (await readList(uri, node.port, jwksUri())).status(idx)
}

/** At every node, without waiting for anything but the nodes' own looks. */
async function expectInvalid(...tokens: string[]): Promise<void> {
  for (const node of [provider, second]) {
    for (const token of tokens) {
      const isSet = async () => (await statusOf(token, node)) === 1 || undefined
      expect(await eventually(isSet, { tries: 400 })).toBe(true)
    }
  }
}

async function expectValid(...tokens: string[]): Promise<void> {
  for (const node of [provider, second]) {
    expect(await Promise.all(tokens.map((token) => statusOf(token, node)))).toEqual(tokens.map(() => 0))
  }
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

  test('has a place that no other has, of those that two nodes issue at once, one of which was killed in between', async () => {
    const from = (node: Provider) => Promise.all(Array.from({ length: 60 }, () => serviceToken(service, node)))
    const tokens = (await Promise.all([from(provider), from(second)])).flat()
    await second.kill()
    const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = provider.env
    second = await startProvider({
      database: { url: provider.databaseUrl },
      env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY, ...ledgerOn },
    })
    tokens.push(...(await Promise.all([from(provider), from(second)])).flat())
    const places = tokens.map(placeOf).map(({ uri, idx }) => `${uri}#${idx}`)
    expect(new Set(places).size).toBe(240)
    expect(await rows.count('select count(distinct (list, idx)) - count(*) from issued_tokens')).toBe(0)
  })

  test('is in the ledger before its answer leaves, by its digest, and names nobody there', async () => {
    const { access_token: token } = await signedIn()
    const digest = createHash('sha256').update(token).digest()
    const [row] = await rows.query<{ text: string; exp: number }>(
      'select t::text as text, exp::float8 as exp from issued_tokens t where digest = $1',
      [digest],
    )
    const { sub, jti, exp, ...claims } = decodeJwt(token)
    expect(row?.exp).toBe(exp)
    for (const named of [sub, jti, claims['sid'], claims['grant_id'], claims['client_id'], person.email]) {
      expect(row?.text).not.toContain(named)
    }
  })

  test('that could not be written down is not told', async () => {
    await rows.query('alter table issued_tokens add constraint none_fits check (false) not valid')
    try {
      const { refresh_token: refreshToken = '' } = await signedIn().catch(() => ({ refresh_token: '' }))
      expect(refreshToken).toBe('')
      const answer = await post(discovery.token_endpoint, service, { grant_type: 'client_credentials' })
      expect(answer.status).toBeGreaterThanOrEqual(500)
      expect(await answer.text()).not.toContain('eyJ')
    } finally {
      await rows.query('alter table issued_tokens drop constraint none_fits')
    }
    expect(placeOf(await serviceToken()).idx).toBeGreaterThanOrEqual(0)
  })
})

describe('a status list', () => {
  test('is a signed JWT as the specification has it, believed for minutes and fetched anew within seconds', async () => {
    const { access_token: token } = await signedIn()
    const { uri, idx } = placeOf(token)
    const { claims, alg, kid, answer, status } = await readList(uri, provider.port, jwksUri())
    expect(answer.headers['content-type']).toMatch(/^application\/statuslist\+jwt/)
    expect({ alg, kid }).toEqual({ alg: 'ES256', kid: decodeProtectedHeader(token).kid })
    expect(claims).toMatchObject({ iss: provider.issuer, sub: uri, ttl: 10, exp: (claims.iat ?? 0) + 300 })
    expect(claims['status_list']).toEqual({
      bits: 1,
      lst: expect.stringMatching(/^[\w-]+$/),
      aggregation_uri: discovery['status_list_aggregation_endpoint'],
    })
    expect(status(idx)).toBe(0)
    expect(() => status(131_072)).toThrow('out of bounds')
  })

  test('may be read from any origin, is cached for a second, and is not sent twice to who has it', async () => {
    const { uri } = placeOf(await serviceToken())
    const answer = await fetchList(uri, provider.port, { Origin: 'https://anywhere.example' })
    expect(answer.headers).toMatchObject({
      'access-control-allow-origin': '*',
      'cache-control': 'public, max-age=1',
      'cross-origin-resource-policy': 'cross-origin',
    })
    const etag = String(answer.headers.etag)
    // Should the list be signed anew in between, the next one is kept as long.
    const again = async () => {
      const known = await fetchList(uri, provider.port, { 'If-None-Match': etag })
      return known.status === 304 || (await fetchList(uri, provider.port)).headers.etag !== etag || undefined
    }
    expect(await again()).toBe(true)
  })

  test('is among those that discovery leads to', async () => {
    const { uri } = placeOf(await serviceToken())
    for (const { port } of [provider, second]) {
      const answer = await fetchList(String(discovery['status_list_aggregation_endpoint']), port)
      expect(answer.headers['content-type']).toMatch(/^application\/json/)
      expect((JSON.parse(answer.text) as { status_lists: string[] }).status_lists).toContain(uri)
    }
  })

  test.each([
    ['of another name', '/status-lists/nobody', 404],
    ['whose name is too long', `/status-lists/${'z'.repeat(400)}`, 404],
    ['whose name is spelled otherwise', '/status-lists/00', 404],
    ['with something below it', '/status-lists/1/2', 404],
    ['of yesterday', '/status-lists/1?time=1686925000', 501],
  ])('%s is refused', async (_, path, status) => {
    expect((await fetchList(`${provider.issuer}${path}`, provider.port)).status).toBe(status)
  })

  test('is a JWT only: asked for as a CWT it is not acceptable, and nobody may post to it', async () => {
    const { uri } = placeOf(await serviceToken())
    expect((await fetchList(uri, provider.port, { Accept: 'application/statuslist+cwt' })).status).toBe(406)
    expect((await fetch(uri, { method: 'POST' })).status).toBe(405)
  })
})

describe('the bit of a token is set at every node, and no other one', () => {
  test('when its app revokes it', async () => {
    const [{ access_token: token }, { access_token: other }] = [await signedIn(), await signedIn()]
    await expectValid(token, other)
    await post(discovery.revocation_endpoint, app, { token })
    await expectInvalid(token)
    await expectValid(other)
  })

  test('when an administrator revokes it by its jti', async () => {
    const [token, other] = [await serviceToken(), await serviceToken()]
    await provider.cli(['tokens', 'revoke', '--yes', '--jti', String(decodeJwt(token).jti)])
    await expectInvalid(token)
    await expectValid(other)
  })

  test('when its session is ended', async () => {
    const someone = await addPerson(provider)
    const [{ access_token: token }, { access_token: other }] = [await signedIn(someone), await signedIn(someone)]
    await provider.command(['sessions', 'end', '--yes', '--', String(decodeJwt(token)['sid'])])
    await expectInvalid(token)
    await expectValid(other)
  })

  test('when its grant ends, because a refresh token was used again after its successor', async () => {
    const first = await signedIn()
    const next = await party.refresh(first.refresh_token ?? '')
    await letTimePass(provider.databaseUrl, 11, { models: [5] })
    await expect(party.refresh(first.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
    await expectInvalid(first.access_token, next.access_token)
  })

  test('when its person is signed out, and is not for what is issued right after', async () => {
    const someone = await addPerson(provider)
    const { access_token: token } = await signedIn(someone)
    await provider.cli(['users', 'sign-out', '--yes', someone.email])
    const { access_token: fresh } = await signedIn(someone)
    await expectInvalid(token)
    await expectValid(fresh)
  })

  test('when all that its app holds is revoked, and not for what the app is issued right after', async () => {
    const other = await addWebApp()
    const theirs = await relyingParty(provider.issuer, other, { scope: 'openid' })
    const { access_token: token } = await signedIn(person, theirs)
    await provider.cli(['tokens', 'revoke', '--yes', '--client', other.client_id])
    const { access_token: fresh } = await signedIn(person, theirs)
    await expectInvalid(token)
    await expectValid(fresh)
  })

  test('when it was just being written down as it was revoked', async () => {
    const token = await serviceToken()
    const digest = createHash('sha256').update(token).digest()
    const writing = await openRows(provider.databaseUrl)
    await writing.query('begin')
    await writing.query('create temporary table held on commit drop as select * from issued_tokens where digest = $1', [
      digest,
    ])
    await rows.query('delete from issued_tokens where digest = $1', [digest])
    await writing.query('insert into issued_tokens select * from held')
    await provider.cli(['tokens', 'revoke', '--yes', '--jti', String(decodeJwt(token).jti)])
    // Both nodes have looked, and found nothing.
    await expectValid(token)
    await writing.query('commit')
    await writing.close()
    await expectInvalid(token)
  })

  test('for each of a hundred thousand tokens of an app that is revoked whole, while the node goes on answering', async () => {
    const victim = await addClient(provider, { preset: 'service', apis: [audience] })
    const token = await serviceToken(victim)
    const { uri } = placeOf(token)
    // As many as the list has, by copies of the one.
    await rows.query(
      `insert into issued_tokens (slot, jti, client, kid, digest, list, idx, iat, exp)
       select t.slot, int4send(n) || t.jti, t.client, t.kid, sha256(int4send(n)), t.list, n, t.iat, t.exp
         from issued_tokens t, generate_series(31072, 131071) as n where t.digest = $1`,
      [createHash('sha256').update(token).digest()],
    )
    await provider.cli(['tokens', 'revoke', '--yes', '--client', victim.client_id])
    await expectInvalid(token)
    const { status } = await readList(uri, second.port, jwksUri())
    const set = Array.from({ length: 100_000 }, (_, n) => status(31_072 + n)).filter((bit) => bit === 1)
    expect(set).toHaveLength(100_000)
  })

  /** Last: every token signed by that key dies. */
  test('when the key that signed it is revoked; the list is then signed by the next one', async () => {
    const { access_token: token } = await signedIn()
    const { kid = '' } = decodeProtectedHeader(token)
    expect((await provider.command(['keys', 'revoke', '--compromised', '--yes', '--', kid])).code).toBe(0)
    const { uri, idx } = placeOf(token)
    for (const { port } of [provider, second]) {
      // Between the two moments the old key's lists are refused, as they must be.
      const isSet = async () => {
        const list = await readList(uri, port, jwksUri()).catch(() => undefined)
        return list?.kid !== kid && list?.status(idx) === 1 ? true : undefined
      }
      expect(await eventually(isSet, { tries: 400 })).toBe(true)
    }
  })
})
