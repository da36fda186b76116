/** One app gets the next key before everybody does: on every node, once the key has been published, and how it tells. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { createLocalJWKSet, decodeProtectedHeader, type JSONWebKeySet, jwtVerify } from 'jose'
import { createVerifier } from '../../../packages/verifier/src/verifier.ts'
import { freshDatabase, type TestDatabase } from '../../harness/database.ts'
import { eventually } from '../../harness/eventually.ts'
import { addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const audience = 'https://orders.example'
const redirectUri = 'https://app.example/callback'
const goodbyeUri = 'https://app.example/goodbye'
/** Longer than a start takes, so that the first command still comes before it is over. */
const leadSeconds = 15

interface KeyRow {
  kid: string
  alg: string
  state: string
  canary_at: string | null
}

interface Report {
  client_id: string | null
  keys: {
    kid: string
    alg: string
    state: string
    canary_at: string | null
    refreshes: number
    early_refreshes: number
    verifiers_missing_it: string[]
  }[]
}

let database: TestDatabase
let nodes: Provider[] = []
let node: Provider
let turn = 0
let person: Person
let canary: App
let other: App
let cached: JSONWebKeySet

/** A person signed in to an app, which refreshes at one node after the other. */
class App {
  readonly plain: PlainClient
  readonly browser = new UserAgent(node.issuer)
  idToken = ''
  accessToken = ''
  #refreshToken = ''

  constructor(added: { client_id: string }) {
    const port = () => (nodes[turn++ % nodes.length] as Provider).port
    this.plain = new PlainClient(added, { issuer: node.issuer, redirectUri, port })
  }

  async signIn(): Promise<void> {
    const { url, verifier } = this.plain.start()
    const arrived = await signIn(this.browser, url, person)
    this.#take((await this.plain.exchange(arrived.url.searchParams.get('code') ?? '', verifier)).json)
  }

  /** Signing keys of the access token and of the ID token that a refresh brings. */
  async refresh(): Promise<(string | undefined)[]> {
    this.#take((await this.plain.refresh(this.#refreshToken)).json)
    return [this.accessToken, this.idToken].map((token) => decodeProtectedHeader(token).kid)
  }

  #take(json: Record<string, unknown>): void {
    this.accessToken = String(json['access_token'])
    this.idToken = String(json['id_token'])
    this.#refreshToken = String(json['refresh_token'])
  }
}

const kidIn = async (state: string) => {
  const keys = await node.cli<KeyRow[]>(['keys', 'list'])
  return keys.find((key) => key.alg === 'ES256' && key.state === state)?.kid ?? ''
}
const report = () => node.cli<Report>(['keys', 'canary'])
const standbyIn = ({ keys }: Report) => keys.find(({ alg, state }) => alg === 'ES256' && state === 'pending')
/** Both nodes, one after the other. */
const twice = async (app: App) => [...(await app.refresh()), ...(await app.refresh())]

beforeAll(async () => {
  database = await freshDatabase()
  const times = { CLAVIGER_KEY_ROTATION_INTERVAL: '30d', CLAVIGER_KEY_PUBLISH_LEAD: `${leadSeconds}s` }
  const env = { CLAVIGER_KEY_ENCRYPTION_KEY: 'c'.repeat(43), ...times }
  node = await startProvider({ database, env })
  const second = await startProvider({ database, env: { ...env, CLAVIGER_ISSUER: node.issuer } })
  nodes = [node, second]
  cached = (await (await fetch(node.url('/jwks'))).json()) as JSONWebKeySet
  await addApi(node, audience)
  person = await addPerson(node)
  const wishes = { redirectUris: [redirectUri], postLogoutRedirectUris: [goodbyeUri], apis: [audience] }
  // One algorithm for both kinds of tokens, so that one standby is in question.
  const more = ['--id-token-alg', 'ES256']
  const add = () => addClient(node, { preset: 'spa', firstParty: true, ...wishes, more })
  canary = new App(await add())
  other = new App(await add())
  await Promise.all([canary.signIn(), other.signIn()])
}, 240_000)

afterAll(async () => {
  await Promise.all(nodes.map((one) => one.stop()))
  await database?.drop()
})

describe('a canary', () => {
  test('gets access and ID tokens of the next key on every node once its publish lead is over; everybody else does not', async () => {
    const [active, standby] = [await kidIn('active'), await kidIn('pending')]
    await node.cli(['keys', 'canary', '--client', canary.plain.id])
    const begun = await eventually(async () => (await canary.refresh())[0] === standby, { tries: 800, pauseMs: 100 })
    expect(begun).toBe(true)
    const switched = await eventually(async () => (await twice(canary)).every((kid) => kid === standby))
    expect(switched).toBe(true)
    expect(new Set(await twice(other))).toEqual(new Set([active]))
    const { keys } = await report()
    const row = standbyIn({ client_id: null, keys })
    const [published] = await rowsOf(standby)
    expect(Date.parse(row?.canary_at ?? '') - Date.parse(published?.publish_at ?? '')).toBeGreaterThanOrEqual(
      leadSeconds * 1000,
    )
  }, 120_000)

  test('is understood by a verifier that has kept the key set since before', async () => {
    await expect(jwtVerify(canary.accessToken, createLocalJWKSet(cached), { audience })).resolves.toBeDefined()
  })

  test('that comes back too early shows it beside what the present key saw', async () => {
    for (let times = 0; times < 4; times += 1) await canary.refresh()
    const seen = await eventually(async () => {
      const standby = standbyIn(await report())
      return standby && standby.early_refreshes >= 4 ? standby : undefined
    })
    expect(seen?.refreshes).toBe(seen?.early_refreshes)
  }, 60_000)

  test('whose API does not know the key has that told: by its name, in the report and in the audit log, once', async () => {
    const standby = await kidIn('pending')
    const without = { keys: cached.keys.filter(({ kid }) => kid !== standby) }
    /** A cache on the way that is older than it may be, until it is passed by. */
    let isStuck = true
    const stuck: typeof fetch = async (input, init) => {
      const answer = await fetch(input, init)
      const isAsked = String(input).includes(`missing=${standby}`)
      if (isAsked) isStuck = false
      return isStuck && String(input).includes('/jwks') ? Response.json(without) : answer
    }
    const verifier = await createVerifier({ issuer: node.issuer, audience, fetch: stuck })
    await verifier.ready()
    const verdict = await verifier.verify({
      method: 'GET',
      url: `${audience}/`,
      authorization: `Bearer ${canary.accessToken}`,
    })
    await verifier.close()
    expect(verdict.ok).toBe(true)
    const missing = await eventually(async () => {
      const found = standbyIn(await report())?.verifiers_missing_it
      return found?.length ? found : undefined
    })
    expect(missing).toEqual([audience])
    const events = await eventually(async () => {
      const found = await node.cli<{ actor: string; detail: { kid: string } }[]>([
        'events',
        'list',
        '--kind',
        'key.missed',
      ])
      return found.length > 0 ? found : undefined
    })
    expect(events?.map(({ actor, detail }) => [actor, detail.kid])).toEqual([[`verifier:${audience}`, standby]])
  }, 60_000)

  test('ends at the command, and logout hints that the next key signed for it are still accepted', async () => {
    const { idToken, browser } = canary
    expect(decodeProtectedHeader(idToken).kid).toBe(await kidIn('pending'))
    await node.cli(['keys', 'canary', '--off'])
    const active = await kidIn('active')
    const back = await eventually(async () => (await twice(canary)).every((kid) => kid === active))
    expect(back).toBe(true)
    const hint = { id_token_hint: idToken, post_logout_redirect_uri: goodbyeUri }
    const page = await browser.visit(new URL(`${node.issuer}/session/end?${new URLSearchParams(hint)}`))
    const end = page.left ? page : await browser.press(page, '#sign-out')
    expect(end.url.href).toContain(goodbyeUri)
  }, 60_000)

  test('that no client is, is refused with a sentence that says what to do', async () => {
    const { code, stderr } = await node.command(['keys', 'canary', '--client', 'nobody'])
    expect([code, stderr]).toEqual([1, expect.stringContaining('clients list')])
    expect((await report()).client_id).toBeNull()
  })
})

const rowsOf = async (kid: string) =>
  (await node.cli<(KeyRow & { publish_at: string })[]>(['keys', 'list'])).filter((key) => key.kid === kid)
