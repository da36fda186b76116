/** A key leaked, an operator is in a hurry or mistaken: what the commands do to a running provider. */
import { generateKeyPairSync } from 'node:crypto'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { type CommandResult, runClaviger } from '../../harness/cli.ts'
import { eventually } from '../../harness/eventually.ts'
import { addApi, addClient, addPerson } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { openRows, type Rows } from '../../harness/rows.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const audience = 'https://orders.example'
const redirectUri = 'https://app.example/callback'

interface KeyRow {
  kid: string
  alg: string
  state: string
  removable_at: string | null
  next_rotation_at: string | null
}

let provider: Provider
let rows: Rows
let app: PlainClient
let browser: UserAgent
let refreshToken: string
let service: string

beforeAll(async () => {
  provider = await startProvider()
  rows = await openRows(provider.databaseUrl)
  await addApi(provider, audience)
  const [person, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, {
      preset: 'spa',
      firstParty: true,
      redirectUris: [redirectUri],
      apis: [audience],
      more: ['--id-token-alg', 'ES256'],
    }),
  ])
  service = (await addClient(provider, { preset: 'service', apis: [audience] })).client_id
  app = new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port })
  browser = new UserAgent(provider.issuer)
  const { url, verifier } = app.start()
  const arrived = await signIn(browser, url, person)
  const { json } = await app.exchange(arrived.url.searchParams.get('code') ?? '', verifier)
  refreshToken = String(json['refresh_token'])
}, 240_000)

afterAll(async () => {
  await rows?.close()
  await provider?.stop()
})

const list = () => provider.cli<KeyRow[]>(['keys', 'list'])
const kidIn = (keys: KeyRow[], state: string, alg = 'ES256') =>
  keys.find((key) => key.alg === alg && key.state === state)?.kid ?? ''
/** Without a command, where only a change would matter. */
const stored = () => rows.query('select kid, state, reason, promote_at from signing_keys order by kid')
const jwks = async () => (await (await fetch(provider.url('/jwks'))).json()) as JSONWebKeySet
const published = async () => (await jwks()).keys.map(({ kid }) => kid)

async function newToken(): Promise<string> {
  const { status, json, text } = await app.refresh(refreshToken)
  if (status !== 200) throw new Error(text)
  refreshToken = String(json['refresh_token'])
  return String(json['access_token'])
}

describe('after a leak', () => {
  test('a rehearsal of the revocation names what it touches and changes nothing', async () => {
    const before = await list()
    const kid = kidIn(before, 'active')
    const { blast_radius: radius } = await provider.cli<{ blast_radius: Record<string, unknown>[] }>([
      'keys',
      'revoke',
      kid,
      '--compromised',
      '--dry-run',
    ])
    expect(radius).toEqual([
      {
        kid,
        alg: 'ES256',
        signed_until: expect.any(String),
        apis: [audience],
        sessions: 1,
        clients: [
          {
            client_id: app.id,
            id_tokens: true,
            apis: [audience],
            grants: 1,
            refresh_tokens: 1,
            living_tokens: { [audience]: 1 },
          },
          { client_id: service, id_tokens: false, apis: [audience], grants: 0, refresh_tokens: 0, living_tokens: null },
        ].sort((a, b) => (a.client_id < b.client_id ? -1 : 1)),
      },
    ])
    expect(await list()).toEqual(before)
  })

  test('it counts the access tokens that live: by app and API, of the key, until they expire', async () => {
    await newToken()
    const living = async (state: string) => {
      const kid = kidIn(await list(), state)
      const { blast_radius: radius } = await provider.cli<{
        blast_radius: { signed_until: string | null; clients: { client_id: string; living_tokens: object | null }[] }[]
      }>(['keys', 'revoke', kid, '--compromised', '--dry-run'])
      return radius[0]?.clients.find(({ client_id }) => client_id === app.id)?.living_tokens
    }
    expect(await living('active')).toEqual({ [audience]: 2 })
    expect(await living('pending')).toEqual({})
    // Tokens from before a shorter lifetime keep the lifetime that they were issued with.
    await provider.cli(['apis', 'set', audience, '--ttl', '1s'])
    const isOlder = async () =>
      (await rows.count(`select count(*) from artifacts where created_at > now() - interval '1 second'`)) === 0
    expect(await eventually(isOlder)).toBe(true)
    expect(await living('active')).toEqual({ [audience]: 2 })
    await provider.cli(['apis', 'set', audience, '--ttl', 'default'])
    // Used refresh tokens age as well; so do the access tokens that came with them.
    await rows.query(`update artifacts set created_at = created_at - interval '601 seconds'`)
    expect(await living('active')).toEqual({})
  })

  test('one command: the key leaves the key set, the standby signs, caches know it already, nobody is signed out', async () => {
    const leaked = kidIn(await list(), 'active')
    const standby = kidIn(await list(), 'pending')
    const cached = createLocalJWKSet(await jwks())
    await newToken()
    const asked = Date.now()
    const done = await provider.cli<{ accepted_until: string; unknown_until?: string }>([
      'keys',
      'revoke',
      leaked,
      '--compromised',
      '--yes',
    ])
    const gone = await eventually(async () => !(await published()).includes(leaked))
    expect(gone).toBe(true)
    const token = await eventually(async () => {
      const one = await newToken()
      return decodeProtectedHeader(one).kid === standby ? one : undefined
    })
    // A verifier that has not fetched since before the leak takes the new tokens: no outage.
    await expect(jwtVerify(token ?? '', cached, { audience })).resolves.toBeDefined()
    const again = await browser.visit(app.start({ prompt: 'none' }).url)
    expect(again.url.searchParams.get('code')).toEqual(expect.any(String))
    const waits = (Date.parse(done.accepted_until) - asked) / 1000
    expect(Math.round(waits / 60)).toBeGreaterThanOrEqual(5)
    expect(waits).toBeLessThan(400)
    expect(await list()).toContainEqual(expect.objectContaining({ kid: leaked, state: 'revoked' }))
  })

  test('when the whole store leaked, every key is replaced by one that nobody has seen', async () => {
    const before = await published()
    const asked = Date.now()
    const { stderr, stdout } = await provider.command(['keys', 'revoke', '--all', '--compromised', '--yes'])
    // The bound of the outage, for whoever does not fetch again: what the caches may keep, five and a half minutes.
    const [, moment = ''] = /refuses new tokens until (\S+ \S+) UTC/.exec(stdout + stderr) ?? []
    const bound = (Date.parse(`${moment}Z`) - asked) / 1000
    expect(bound).toBeGreaterThan(320)
    expect(bound).toBeLessThan(400)
    const after = await eventually(async () => {
      const kids = await published()
      return kids.some((kid) => before.includes(kid)) ? undefined : kids
    })
    expect(after).toHaveLength(4)
    const kid = await eventually(async () => {
      const one = decodeProtectedHeader(await newToken()).kid
      return before.includes(one) ? undefined : one
    })
    expect(after).toContain(kid)
  })

  test('every change stands in the audit log: who, which key, why', async () => {
    const entries = await rows.query<{ actor: string; detail: Record<string, unknown> }>(
      `select actor, detail from events where kind = 'key.revoked'`,
    )
    expect(entries.length).toBeGreaterThan(4)
    for (const { actor, detail } of entries) {
      expect(actor).toMatch(/^cli:/)
      expect(detail).toEqual({
        kid: expect.any(String),
        alg: expect.any(String),
        reason: expect.stringMatching(/compromised/),
      })
    }
  })

  test('refresh tokens and grants of the apps it signed for end as well where that is asked for, and only then', async () => {
    const revoke = () => list().then((keys) => ['keys', 'revoke', kidIn(keys, 'active'), '--compromised', '--yes'])
    const kept = await provider.cli<{ ended_grants: number | null }>(await revoke())
    expect(kept.ended_grants).toBeNull()
    await newToken()
    const ended = await provider.cli<{ ended_grants: number | null }>([...(await revoke()), '--end-grants'])
    expect(ended.ended_grants).toBe(1)
    const answer = await app.refresh(refreshToken)
    expect([answer.status, answer.json['error']]).toEqual([400, 'invalid_grant'])
  })
})

describe('an old key', () => {
  let retired: KeyRow

  test('stays published after a rotation, and until when is shown', async () => {
    const before = kidIn(await list(), 'active')
    await provider.cli(['keys', 'rotate', '--alg', 'ES256', '--now'])
    retired = (await list()).find(({ kid }) => kid === before) as KeyRow
    expect(retired.state).toBe('retired')
    // Sessions live for 30 days, and their ID tokens come back as logout hints.
    expect(Date.parse(retired.removable_at ?? '')).toBeGreaterThan(Date.now() + 30 * 86_400_000)
    expect(await eventually(async () => (await published()).includes(retired.kid))).toBe(true)
  })

  test('cannot be removed before that', async () => {
    const { code, stderr } = await provider.command(['keys', 'remove', '--yes', retired.kid])
    expect([code, stderr]).toEqual([1, expect.stringContaining(retired.removable_at ?? '')])
    expect(await published()).toContain(retired.kid)
  })
})

describe('what is refused says what to do and changes nothing', () => {
  const rsa = (bits: number) =>
    generateKeyPairSync('rsa', {
      modulusLength: bits,
      publicKeyEncoding: { type: 'spki', format: 'pem' },
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    })

  test.each<[string, string[], string, number, RegExp]>([
    ['an unknown kid', ['keys', 'revoke', 'nobody', '--compromised', '--yes'], '', 1, /keys list/],
    ['a revocation that does not say it is meant', ['keys', 'revoke', 'nobody'], '', 2, /--compromised/],
    ['an unknown algorithm', ['keys', 'rotate', '--alg', 'none'], '', 2, /choose one of ES256/],
    ['an algorithm without keys', ['keys', 'rotate', '--alg', 'EdDSA'], '', 1, /no keys for EdDSA/],
    ['an algorithm that is always on, switched off', ['keys', 'switch-off', 'RS256'], '', 2, /always on/],
    [
      'a malformed PEM',
      ['keys', 'import', '-'],
      '-----BEGIN PRIVATE KEY-----\nAAAA\n-----END PRIVATE KEY-----',
      2,
      /neither PEM nor a JWK/,
    ],
    ['an RSA key of 1024 bits', ['keys', 'import', '-'], rsa(1024).privateKey, 2, /at least 2048/],
    ['a public key offered as a private one', ['keys', 'import', '-'], rsa(2048).publicKey, 2, /public key only/],
  ])('%s', async (_, args, stdin, code, sentence) => {
    const before = await stored()
    const answer: CommandResult = await provider.command(args, stdin)
    expect([answer.code, answer.stderr]).toEqual([code, expect.stringMatching(sentence)])
    expect(await stored()).toEqual(before)
  })

  test('a start with times and algorithms that are absurd or contradict one another: all faults at once', async () => {
    const start = (env: Record<string, string>) => runClaviger(['start'], { ...provider.env, ...env })
    const absurd = await start({
      CLAVIGER_KEY_ROTATION_INTERVAL: '-5d',
      CLAVIGER_KEY_PUBLISH_LEAD: '99999d',
      CLAVIGER_SIGNING_ALGORITHMS: 'HS256',
    })
    expect(absurd.code).toBe(1)
    expect(absurd.stderr).toMatch(/CLAVIGER_KEY_ROTATION_INTERVAL must be a duration/)
    expect(absurd.stderr).toMatch(/CLAVIGER_KEY_PUBLISH_LEAD must be between/)
    expect(absurd.stderr).toMatch(/CLAVIGER_SIGNING_ALGORITHMS must name some of ES256, RS256/)
    const contradicting = await start({ CLAVIGER_KEY_PUBLISH_LEAD: '30d' })
    expect([contradicting.code, contradicting.stderr]).toEqual([
      1,
      expect.stringMatching(/CLAVIGER_KEY_PUBLISH_LEAD must be shorter/),
    ])
  })

  test('a rotation while another one runs', async () => {
    const before = await stored()
    await rows.query('begin')
    await rows.query('select pg_advisory_xact_lock(9400, 1)')
    const answer = await provider.command(['keys', 'rotate'])
    await rows.query('rollback')
    expect([answer.code, answer.stderr]).toEqual([1, expect.stringContaining('Another change of the keys is running')])
    expect(await stored()).toEqual(before)
  })
})
