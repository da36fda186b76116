/** Codes and refresh tokens that are presented several times at once, over two nodes of one deployment. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { artifactModels } from '../../../src/storage/protocol/artifact-models.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { freePort } from '../../harness/free-port.ts'
import { askDatabase, letTimePass } from '../../harness/later.ts'
import { type AddedClient, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type PlainAnswer, PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const api = 'https://orders.example'

let database: TestDatabase
let nodes: Provider[] = []
let managementPorts: number[] = []
let provider: Provider
let person: Person
let agent: UserAgent

beforeAll(async () => {
  database = await freshDatabase()
  managementPorts = [await freePort(), await freePort()]
  const envOf = (at: number) => ({
    CLAVIGER_REFRESH_GRACE: '0s',
    CLAVIGER_MANAGEMENT_PORT: String(managementPorts[at]),
  })
  provider = await startProvider({ database, env: envOf(0) })
  nodes = [provider]
  const { CLAVIGER_ISSUER = '', CLAVIGER_KEY_ENCRYPTION_KEY = '' } = provider.env
  nodes.push(await startProvider({ database, env: { CLAVIGER_ISSUER, CLAVIGER_KEY_ENCRYPTION_KEY, ...envOf(1) } }))
  person = await addPerson(provider)
  await provider.cli(['apis', 'add', api, '--scope', 'orders:read'])
  agent = new UserAgent(provider.issuer)
}, 60_000)

afterAll(async () => {
  for (const node of nodes) await node.stop()
  await database?.drop()
})

/** One app, as it reaches each of the nodes. */
class Fleet {
  readonly id: string
  readonly #apps: PlainClient[]

  constructor(client: AddedClient, scope?: string) {
    this.id = client.client_id
    this.#apps = nodes.map(
      ({ port }) =>
        new PlainClient(client, {
          issuer: provider.issuer,
          port: () => port,
          redirectUri,
          ...(scope ? { scope } : {}),
        }),
    )
  }

  /** Every other request goes to the other node. */
  at(index: number): PlainClient {
    return this.#apps[index % this.#apps.length] as PlainClient
  }

  async authorize() {
    const started = this.at(0).start()
    const page = await agent.visit(started.url)
    const { url } = page.left ? page : await signIn(agent, started.url, person)
    return { ...started, code: url.searchParams.get('code') ?? '' }
  }

  async signedIn(): Promise<Record<string, unknown>> {
    const { code, verifier } = await this.authorize()
    const { status, json } = await this.at(0).exchange(code, verifier)
    expect(status).toBe(200)
    return json
  }

  async expectEnded(tokens: Record<string, unknown>): Promise<void> {
    for (const index of [0, 1]) {
      const refreshed = await this.at(index).refresh(String(tokens['refresh_token']))
      expect(refreshed.json).toMatchObject({ error: 'invalid_grant' })
      const headers = { authorization: `Bearer ${tokens['access_token']}` }
      expect((await this.at(index).post('/me', {}, headers)).status).toBe(401)
    }
  }
}

interface AuditRow {
  kind: string
  actor: string
  account_id: string
  source: string | null
  request_id: string | null
  detail: { grantId: string }
}

const eventsOf = (clientId: string, kind: string) =>
  askDatabase<AuditRow>(provider.databaseUrl, 'select * from events where client_id = $1 and kind = $2', [
    clientId,
    kind,
  ])

const rowsOf = async (grantId: string) => {
  const sql = 'select model from artifacts where grant_id = $1'
  return askDatabase<{ model: number }>(provider.databaseUrl, sql, [grantId])
}

const revocationsOf = (grantId: string) =>
  askDatabase(provider.databaseUrl, 'select from revocations where kind = 3 and value = grant_claim($1)', [grantId])

const times = <T>(count: number, act: (index: number) => Promise<T>): Promise<T[]> =>
  Promise.all(Array.from({ length: count }, (_, index) => act(index)))

const winnersOf = (answers: readonly PlainAnswer[]) => {
  for (const { status, json } of answers) {
    if (status !== 200) expect({ status, error: json['error'] }).toEqual({ status: 400, error: 'invalid_grant' })
  }
  return answers.filter(({ status }) => status === 200)
}

const publicApp = (more: Partial<Parameters<typeof addClient>[1]> = {}) =>
  addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri], ...more })

describe.each([
  { k: 2, rounds: 12 },
  { k: 50, rounds: 4 },
])('when a code is redeemed $k times in parallel over two processes', ({ k, rounds }) => {
  test.each([
    ['a public app', () => publicApp()],
    ['a confidential app', () => publicApp({ preset: 'web' })],
  ])(
    'one redemption of %s wins, its grant is revoked, and one code.reused is recorded',
    async (_app, add) => {
      const app = new Fleet(await add())
      for (let round = 1; round <= rounds; round += 1) {
        const { code, verifier } = await app.authorize()
        const winners = winnersOf(await times(k, (index) => app.at(index).exchange(code, verifier)))
        expect(winners).toHaveLength(1)
        await app.expectEnded(winners[0]?.json ?? {})
        const events = await eventsOf(app.id, 'code.reused')
        expect(events).toHaveLength(round)
        const { grantId } = (events.at(-1) as AuditRow).detail
        expect(await rowsOf(grantId)).toEqual([])
        expect(await revocationsOf(grantId)).toHaveLength(1)
      }
      const [event] = await eventsOf(app.id, 'code.reused')
      expect(event).toMatchObject({ actor: `client:${app.id}`, account_id: expect.stringMatching(/^acc_/) })
      expect(event?.source).toMatch(/^(::1|127\.0\.0\.1)$/)
      expect(event?.request_id).not.toBeNull()
    },
    120_000,
  )
})

describe('when a refresh token without a grace is presented in parallel over two processes', () => {
  test.each([
    { k: 2, rounds: 12 },
    { k: 50, rounds: 3 },
  ])(
    '$k times, one wins, its grant is revoked, and one refresh-token.reused is recorded',
    async ({ k, rounds }) => {
      const app = new Fleet(await publicApp())
      for (let round = 1; round <= rounds; round += 1) {
        const tokens = await app.signedIn()
        const winners = winnersOf(await times(k, (index) => app.at(index).refresh(String(tokens['refresh_token']))))
        expect(winners).toHaveLength(1)
        await app.expectEnded(winners[0]?.json ?? {})
        expect(await eventsOf(app.id, 'refresh-token.reused')).toHaveLength(round)
      }
      expect(await eventsOf(app.id, 'code.reused')).toEqual([])
    },
    120_000,
  )
})

describe('an invalid request beside or after a valid redemption ends nothing', () => {
  type Wrong = (app: Fleet, code: string, verifier: string, at: number) => Promise<PlainAnswer>
  const wrong: [string, Wrong][] = [
    ['a wrong verifier', (app, code, _verifier, at) => app.at(at).exchange(code, 'v'.repeat(43))],
    [
      'a wrong redirect URI',
      (app, code, verifier, at) => app.at(at).exchange(code, verifier, { redirect_uri: `${redirectUri}/` }),
    ],
    [
      'another client',
      async (_app, code, verifier, at) => new Fleet(await publicApp()).at(at).exchange(code, verifier),
    ],
    [
      'a wrong client secret',
      (app, code, verifier, at) => {
        const imposter = new Fleet({ client_id: app.id, client_secret: 'a wrong secret' } as AddedClient)
        return imposter.at(at).exchange(code, verifier)
      },
    ],
  ]

  test.each(wrong)('if it has %s', async (_what, ask) => {
    const app = new Fleet(await publicApp({ preset: 'web' }))
    const { code, verifier } = await app.authorize()
    const [right, ...others] = await Promise.all([
      app.at(0).exchange(code, verifier),
      ...[1, 2, 3, 4].map((at) => ask(app, code, verifier, at)),
    ])
    for (const answer of [...others, await ask(app, code, verifier, 1)]) expect(answer.status).toBeGreaterThan(399)
    expect(right?.status).toBe(200)
    expect((await app.at(1).refresh(String(right?.json['refresh_token']))).status).toBe(200)
    expect(await eventsOf(app.id, 'code.reused')).toEqual([])
  })

  test('if it fails at the resource, it does not even spend: the app asks again and gets its tokens', async () => {
    const app = new Fleet(await publicApp({ apis: [api] }), 'openid offline_access orders:read')
    const { code, verifier } = await app.authorize()
    const foreign = { resource: 'https://unknown.example' }
    expect((await app.at(0).exchange(code, verifier, foreign)).json).toMatchObject({ error: 'invalid_target' })
    const { status, json } = await app.at(1).exchange(code, verifier)
    expect(status).toBe(200)
    const token = String(json['refresh_token'])
    const refused = await app.at(0).token({ grant_type: 'refresh_token', refresh_token: token, ...foreign })
    expect(refused.json).toMatchObject({ error: 'invalid_target' })
    expect((await app.at(1).refresh(token)).status).toBe(200)
    expect(await eventsOf(app.id, 'refresh-token.reused')).toEqual([])
  })
})

describe('a spent code', () => {
  test('is recognised after the person has signed out, when only offline access is left', async () => {
    const app = new Fleet(await publicApp(), 'openid offline_access')
    const { code, verifier } = await app.authorize()
    const { json } = await app.at(0).exchange(code, verifier)
    const page = await agent.visit(`${provider.issuer}/session/end?id_token_hint=${json['id_token']}`)
    if (page.document.querySelector('#sign-out')) await agent.press(page, '#sign-out')
    const sessions = [artifactModels.Session]
    await letTimePass(provider.databaseUrl, 10, { models: sessions })
    const refreshed = await app.at(0).refresh(String(json['refresh_token']))
    expect(refreshed.status).toBe(200)
    await app.at(1).exchange(code, verifier)
    await app.expectEnded(refreshed.json)
    expect(await eventsOf(app.id, 'code.reused')).toHaveLength(1)
  })

  test('is refused without an event of reuse at the revocation endpoint: an app may revoke what it rotated', async () => {
    const app = new Fleet(await publicApp())
    const tokens = await app.signedIn()
    expect((await app.at(0).refresh(String(tokens['refresh_token']))).status).toBe(200)
    const { status } = await app.at(1).post('/token/revocation', { token: String(tokens['refresh_token']) })
    expect(status).toBe(200)
    const revoked = await eventually(async () => (await eventsOf(app.id, 'grant.revoked')).at(0))
    expect(revoked).toBeDefined()
    expect(await eventsOf(app.id, 'refresh-token.reused')).toEqual([])
  })
})

test('of parallel redemptions one counts as a token issued, and all others as refused', async () => {
  const counted = async (result: string) => {
    const counts = managementPorts.map(async (port) => {
      const metrics = await (await fetch(`http://127.0.0.1:${port}/metrics`)).text()
      const line = metrics.split('\n').find((one) => one.includes(`grant="authorization_code",result="${result}"`))
      return Number(line?.split(' ').at(-1) ?? 0)
    })
    return (await Promise.all(counts)).reduce((sum, count) => sum + count, 0)
  }
  const app = new Fleet(await publicApp())
  const { code, verifier } = await app.authorize()
  const before = [await counted('ok'), await counted('invalid_grant')] as const
  await times(20, (index) => app.at(index).exchange(code, verifier))
  expect([(await counted('ok')) - before[0], (await counted('invalid_grant')) - before[1]]).toEqual([1, 19])
})
