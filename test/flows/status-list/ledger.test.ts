/** What the ledger of issued tokens knows: forged ones, and what became of ours. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt, exportPKCS8, generateKeyPair, type JWTPayload, SignJWT } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'
import { ask } from '../../harness/wire.ts'
import { type Discovery, discover } from '../revocation/feed-reader.ts'

const audience = 'https://api.example'

let provider: Provider
let rows: Rows
let person: Person
let app: AddedClient
let api: AddedClient
let party: RelyingParty
let discovery: Discovery
let thief: { kid: string; sign(claims: JWTPayload): Promise<string> }

beforeAll(async () => {
  provider = await startProvider({ env: { CLAVIGER_TOKEN_LEDGER: 'on' } })
  rows = await openRows(provider.databaseUrl)
  api = await provider.cli(['apis', 'add', audience, '--scope', 'orders:read', '--with-credentials'])
  person = await addPerson(provider)
  app = await addClient(provider, {
    preset: 'web',
    redirectUris: ['https://app.example/callback'],
    apis: [audience],
    firstParty: true,
  })
  party = await relyingParty(provider.issuer, app, { scope: 'openid orders:read' })
  discovery = await discover(provider.issuer)
  thief = await leakedKey()
  // The time that a rolling restart is given is over.
  await rows.query(`update token_ledger set complete_from = now() - interval '1 minute'`)
})
afterAll(async () => {
  await rows?.close()
  await provider?.stop()
})

/** A private key of this provider that somebody else has too. */
async function leakedKey(): Promise<typeof thief> {
  const { privateKey } = await generateKeyPair('ES256', { extractable: true })
  const pem = await exportPKCS8(privateKey)
  await provider.cli(['keys', 'import', '-', '--alg', 'ES256', '--as', 'retired'], pem)
  const [{ kid } = { kid: '' }] = await rows.query<{ kid: string }>(
    `select kid from signing_keys where reason = 'imported'`,
  )
  const isServed = async () => {
    const { keys } = (await (await fetch(String(discovery['jwks_uri']))).json()) as { keys: { kid: string }[] }
    return keys.some((key) => key.kid === kid) || undefined
  }
  expect(await eventually(isServed, { tries: 400 })).toBe(true)
  const sign = (claims: JWTPayload) =>
    new SignJWT(claims).setProtectedHeader({ alg: 'ES256', typ: 'at+jwt', kid }).sign(privateKey)
  return { kid, sign }
}

const signedIn = (): Promise<Tokens> => signInTo(party, new UserAgent(provider.issuer), person)

async function isActive(token: string): Promise<unknown> {
  const answer = await fetch(discovery.introspection_endpoint, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from(`${api.client_id}:${api.client_secret}`).toString('base64')}` },
    body: new URLSearchParams({ token }),
  })
  return ((await answer.json()) as { active: unknown }).active
}

const inspect = async (token: string) => (await provider.command(['tokens', 'inspect'], token)).stdout

describe('a token that somebody else signed with a key of ours', () => {
  test.each([
    ['with claims of their own', async (claims: JWTPayload) => ({ ...claims, jti: 'made-up' })],
    [
      'with the jti of a token of ours',
      async (claims: JWTPayload) => ({ ...claims, scope: 'orders:read orders:write' }),
    ],
    ['that lives for years', async (claims: JWTPayload) => ({ ...claims, exp: (claims.exp ?? 0) + 10 ** 9 })],
    ['that says it is older than the ledger', async (claims: JWTPayload) => ({ ...claims, iat: 1 })],
    ['from the end of time', async (claims: JWTPayload) => ({ ...claims, iat: 9e15, exp: 1e300 })],
    ['with an iat that is no second', async (claims: JWTPayload) => ({ ...claims, iat: 1e300 })],
    ['without a status', async ({ status: _, ...claims }: JWTPayload) => claims],
  ])(
    '%s is inactive, and inspect says what that means',
    async (_, forge) => {
      const { access_token: ours } = await signedIn()
      const forged = await thief.sign(await forge(decodeJwt(ours)))
      expect(await isActive(forged)).toBe(false)
      expect(await isActive(forged)).toBe(false)
      expect(await isActive(ours)).toBe(true)
      expect(await inspect(forged)).toMatch(
        new RegExp(
          `^Forged: Its signature is valid, but it was never issued here.* keys revoke ${thief.kid} --compromised`,
        ),
      )
      expect(await inspect(ours)).toMatch(/^Valid/)
    },
    120_000,
  )

  test('is in the audit log, each once, with the key that has leaked', async () => {
    const isKept = async () => {
      const events = await provider.cli<{ detail: { kid: string } }[]>(['events', 'list', '--kind', 'token.forged'])
      return events.length >= 7 ? events : undefined
    }
    const events = await eventually(isKept)
    expect(events?.map(({ detail }) => detail.kid)).toEqual(Array(7).fill(thief.kid))
  })

  test('was issued before the ledger was complete for all that we know, and counts', async () => {
    const { access_token: ours } = await signedIn()
    await rows.query(`update token_ledger set complete_from = now() - interval '1 minute'`)
    const iat = Math.floor(Date.now() / 1000) - 120
    const early = await thief.sign({ ...decodeJwt(ours), iat, exp: iat + 600, jti: 'early' })
    expect(await isActive(early)).toBe(true)
    expect(await provider.cli(['tokens', 'inspect'], early)).toMatchObject({ verdict: 'valid', ledger: 'unknown' })
  })
})

describe('tokens revoke --jti', () => {
  const revoke = (jti: string) => provider.command(['tokens', 'revoke', '--jti', jti])
  const completeSince = (interval: string) =>
    rows.query('update token_ledger set complete_from = now() - $1::interval', [interval])
  const unknown = 'never-issued'.padEnd(43, '-')

  test('revokes a jti that is in the ledger, and says that no such token is known of any other', async () => {
    const { access_token: token } = await signedIn()
    await completeSince('2 days')
    try {
      expect(await revoke(unknown)).toMatchObject({
        code: 1,
        stdout: '',
        stderr: expect.stringContaining(`No token with the jti "${unknown}" is known. Nothing was revoked.`),
      })
      expect(await revoke(String(decodeJwt(token).jti))).toMatchObject({ code: 0, stderr: '' })
      expect(await isActive(token)).toBe(false)
    } finally {
      await completeSince('1 minute')
    }
  })

  test('revokes an unknown jti while the ledger may lack a valid token, and says that it does not know the token', async () => {
    const { code, stderr } = await revoke(unknown)
    expect({ code, stderr }).toEqual({ code: 0, stderr: expect.stringContaining('unknown whether') })
  })
})

describe('tokens inspect', () => {
  test('tells of a good one: whose, for what, by which key, and that it was written down', async () => {
    const { access_token: token } = await signedIn()
    const said = await inspect(token)
    expect(said).toMatch(/signed by +\S+ \(ES256\), active; signature valid/)
    expect(said).toMatch(/issued +.* \(just now\)/)
    expect(said).toContain(person.email)
    expect(said).toMatch(new RegExp(`app +${app.client_id}`))
    expect(said).toMatch(new RegExp(`for +${audience}`))
    expect(said).toMatch(/ledger +recorded when it was issued/)
    expect(said).not.toContain('refreshed')
  })

  test('tells that the app has been given newer ones of the same grant', async () => {
    const { access_token: token, refresh_token: refreshToken = '' } = await signedIn()
    const isLater = () => Date.now() / 1000 > (decodeJwt(token).iat ?? 0) + 1 || undefined
    await eventually(isLater)
    const { access_token: newer } = await party.refresh(refreshToken)
    expect(await inspect(token)).toMatch(/refreshed +.*: the app has newer tokens/)
    expect(await inspect(newer)).not.toContain('refreshed')
  })

  test.each([
    ['users sign-out', (claims: JWTPayload) => ['users', 'sign-out', '--yes', String(claims.sub)], 'Its person'],
    [
      'sessions end',
      (claims: JWTPayload) => ['sessions', 'end', '--yes', '--json', '--', String(claims['sid'])],
      'Its session',
    ],
    ['tokens revoke --client', () => ['tokens', 'revoke', '--yes', '--client', app.client_id], 'Its app'],
  ])(
    'tells by what, by whom and when it was revoked: %s',
    async (_, command, what) => {
      const { access_token: token } = await signedIn()
      expect((await provider.command(command(decodeJwt(token)))).code).toBe(0)
      expect(await inspect(token)).toMatch(new RegExp(`^Revoked: ${what} was revoked at \\S+ \\([a-z.-]+\\) by cli:`))
    },
    120_000,
  )
})

/** Nearly last: from here on nobody can say what is missing. */
describe('a node without the ledger', () => {
  test('issues tokens that say nothing of a status, names no lists, and suspends the judgement on what is missing', async () => {
    const { access_token: ours } = await signedIn()
    const forged = await thief.sign({ ...decodeJwt(ours), jti: 'in-between' })
    expect(await isActive(forged)).toBe(false)
    const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = provider.env
    const other = await startProvider({
      database: { url: provider.databaseUrl },
      env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY },
    })
    try {
      const headers = { Host: new URL(provider.issuer).host }
      const metadata = JSON.parse((await ask(other.port, { path: '/.well-known/openid-configuration', headers })).text)
      expect(metadata).not.toHaveProperty('status_list_aggregation_endpoint')
      expect((await ask(other.port, { path: '/status-lists', headers })).status).toBe(404)
      const service = await addClient(provider, { preset: 'service', apis: [audience] })
      const before = await rows.count('select count(*) from issued_tokens')
      const answer = await ask(other.port, {
        method: 'POST',
        path: '/token',
        headers: {
          ...headers,
          'Content-Type': 'application/x-www-form-urlencoded',
          Authorization: `Basic ${Buffer.from(`${service.client_id}:${service.client_secret}`).toString('base64')}`,
        },
        body: 'grant_type=client_credentials',
      })
      const token = String((JSON.parse(answer.text) as { access_token: string }).access_token)
      expect(decodeJwt(token)).not.toHaveProperty('status')
      expect(await rows.count('select count(*) from issued_tokens')).toBe(before)
      expect(await isActive(token)).toBe(true)
    } finally {
      await other.stop()
      await rows.query(`update token_ledger set complete_from = now() - interval '1 minute'`)
    }
  })
})

/** Last: it takes the leaked key's tokens along. */
describe('after the leaked key is revoked', () => {
  test('inspect still tells its forgeries from what we signed with it', async () => {
    const { access_token: ours } = await signedIn()
    const forged = await thief.sign({ ...decodeJwt(ours), jti: 'late' })
    expect((await provider.command(['keys', 'revoke', thief.kid, '--compromised', '--yes'])).code).toBe(0)
    const said = await inspect(forged)
    expect(said).toMatch(/^Forged: It was never issued here/)
    expect(said).toMatch(/Also: Its key \S+ was revoked/)
  })
})
