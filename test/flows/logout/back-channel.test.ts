/** Signing out of one app signs out of the others: their servers are told (OpenID Connect Back-Channel Logout 1.0). */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { askDatabase } from '../../harness/later.ts'
import { type LogoutEndpoint, startLogoutEndpoint } from '../../harness/logout-endpoint.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

interface Session {
  id: string
  ended_at: string | null
  logouts: {
    client_id: string
    state: string
    attempts: number
    next_try_at: string | null
    last_error: string | null
  }[]
}

const redirectUri = 'https://app.example/callback'
/** Until a slow machine has done it. */
const patience = { tries: 400 }

let provider: Provider
let endpoint: LogoutEndpoint
let person: Person
let shop: RelyingParty
let spa: RelyingParty
let agent: UserAgent

beforeAll(async () => {
  provider = await startProvider()
  endpoint = await startLogoutEndpoint({ issuer: provider.issuer })
  const [web, page] = await Promise.all([
    addShop(),
    addClient(provider, { preset: 'spa', name: 'Orchard', firstParty: true, redirectUris: [redirectUri] }),
  ])
  endpoint.clientId = web.client_id
  ;[shop, spa] = await Promise.all([relyingParty(provider.issuer, web), relyingParty(provider.issuer, page)])
})

beforeEach(async () => {
  agent = new UserAgent(provider.issuer)
  person = await addPerson(provider)
  Object.assign(endpoint, { answers: [], told: [], refused: [] })
})

afterEach(() => endpoint.release())

afterAll(async () => {
  await endpoint?.close()
  await provider?.stop()
})

const addShop = (...more: string[]) =>
  addClient(provider, {
    preset: 'web',
    name: 'Shop',
    firstParty: true,
    redirectUris: [redirectUri],
    more: ['--backchannel-logout-uri', endpoint.url, '--backchannel-logout-session-required', ...more],
  })

async function signOut(by = agent): Promise<VisitedPage> {
  const page = await by.visit(`${provider.issuer}/session/end`)
  return by.press(page, '#sign-out')
}

const toldOf = (sid: unknown, where = endpoint) =>
  eventually(() => where.told.find((claims) => claims['sid'] === sid), patience)
const sessionsOf = ({ email }: Person) => provider.cli<Session[]>(['sessions', 'list', '--user', email])
const show = (id: string) => provider.cli<Session>(['sessions', 'show', id])
/** The one session of this person, once its logout stands so. */
const whenLogoutIs = (state: string) =>
  eventually(async () => {
    const [session] = await sessionsOf(person)
    return session?.logouts[0]?.state === state ? session : undefined
  }, patience)
/** What waits for its time is due now. */
const hurry = () => askDatabase(provider.databaseUrl, 'update logout_deliveries set next_try_at = now()')
const sidOf = (tokens: Tokens) => decodeJwt(tokens.id_token ?? '')['sid']

test("after any logout an SPA's next refresh fails within one access-token life; servers are told by back-channel logout with retries and a visible result", async () => {
  endpoint.answers = [503, 500]
  const tokens = await signInTo(shop, agent, person)
  const page = await signInTo(spa, agent, person).catch(() => undefined)
  const spaTokens = page ?? (await silently(spa))
  const [session] = await sessionsOf(person)
  await signOut()

  await expect(spa.refresh(spaTokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
  const access = decodeJwt(spaTokens.access_token)
  expect(Number(access.exp ?? 0)).toBeLessThanOrEqual(Date.now() / 1000 + 600)

  expect(await whenLogoutIs('waiting')).toBeDefined()
  await eventually(async () => (await hurry(), endpoint.told.length > 0 || undefined), patience)
  expect(endpoint.told).toEqual([expect.objectContaining({ sid: sidOf(tokens), sub: tokens.claims()?.sub })])
  expect(await whenLogoutIs('delivered')).toMatchObject({
    id: session?.id,
    ended_at: expect.any(String),
    logouts: [{ client_id: endpoint.clientId, state: 'delivered', attempts: 3, next_try_at: null, last_error: null }],
  })
  expect(await show(session?.id ?? '')).toMatchObject({ logouts: [{ state: 'delivered' }] })
})

/** Somebody who is signed in already comes to another app. */
async function silently(app: RelyingParty): Promise<Tokens> {
  const started = await app.start()
  return app.finish((await agent.visit(started.url)).url, started)
}
