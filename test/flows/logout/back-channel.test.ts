/** Signing out of one app signs out of the others: their servers are told (OpenID Connect Back-Channel Logout 1.0). */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, jest, test } from '@jest/globals'
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
/** Commands are programs of their own: on a busy machine each takes its time. */
jest.setTimeout(180_000)
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
  Object.assign(endpoint, { told: [], refused: [] })
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
/** What is known of telling the shop of this session, once it stands so; without starting a command each time. */
const whenLogoutIs = (sid: unknown, condition: string) =>
  eventually(async () => {
    const sql = `select session_uid as session from logout_deliveries where sid = $1 and ${condition}`
    return (await askDatabase<{ session: string }>(provider.databaseUrl, sql, [sid]))[0]?.session
  }, patience)
/** How far the shop has been told of it, as an administrator sees it. */
const shownOnce = async (sid: unknown, condition: string) => {
  const session = await whenLogoutIs(sid, condition)
  return session === undefined ? undefined : (await show(session)).logouts[0]
}
/** What waits for its time after a failure is due now; what a node is at stays its own. */
const hurry = () =>
  askDatabase(
    provider.databaseUrl,
    'update logout_deliveries set next_try_at = now(), last_error = null where last_error is not null and settled_at is null',
  )
const sidOf = (tokens: Tokens) => decodeJwt(tokens.id_token ?? '')['sid']

test("after any logout an SPA's next refresh fails within one access-token life; servers are told by back-channel logout with retries and a visible result", async () => {
  const tokens = await signInTo(shop, agent, person)
  endpoint.answer(sidOf(tokens), 503, 500)
  const spaTokens = await silently(spa)
  const [session] = await sessionsOf(person)
  await signOut()

  await expect(spa.refresh(spaTokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
  // What is out already lives for one more access-token life at most; the default is ten minutes.
  expect(spaTokens.expires_in).toBeLessThanOrEqual(600)

  await eventually(async () => {
    await hurry()
    return endpoint.told[0]
  }, patience)
  expect(endpoint.told).toEqual([expect.objectContaining({ sid: sidOf(tokens), sub: tokens.claims()?.sub })])
  expect(await whenLogoutIs(sidOf(tokens), "outcome = 'delivered'")).toBe(session?.id)
  const told = {
    id: session?.id,
    ended_at: expect.any(String),
    logouts: [{ client_id: endpoint.clientId, state: 'delivered', attempts: 3, next_try_at: null, last_error: null }],
  }
  expect(await sessionsOf(person)).toMatchObject([told])
  expect(await show(session?.id ?? '')).toMatchObject(told)
})

/** Somebody who is signed in already comes to another app. */
async function silently(app: RelyingParty): Promise<Tokens> {
  const started = await app.start()
  return app.finish((await agent.visit(started.url)).url, started)
}

describe('the server of an app is told', () => {
  /** With the session that it was let in through. */
  let tokens: Tokens
  let session: Session

  beforeEach(async () => {
    tokens = await signInTo(shop, agent, person)
    session = (await sessionsOf(person))[0] as Session
  })

  test('that it will be, by discovery, and what its sessions are called, by the ID token', async () => {
    expect(shop.config.serverMetadata()).toMatchObject({
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    })
    expect(sidOf(tokens)).toEqual(expect.any(String))
    const again = await shop.refresh(tokens.refresh_token ?? '')
    expect(sidOf(again)).toBe(sidOf(tokens))
  })

  test.each<[string, () => Promise<unknown>]>([
    ['the person signs out', () => signOut()],
    ['an administrator ends the session', () => provider.cli(['sessions', 'end', '--yes', session.id])],
    [
      'an administrator names it as the app does',
      () => provider.cli(['tokens', 'revoke', '--yes', '--sid', String(sidOf(tokens))]),
    ],
    ['the person is signed out everywhere', () => provider.cli(['users', 'sign-out', '--yes', person.email])],
    ['the account is disabled', () => provider.cli(['users', 'disable', person.email])],
    [
      'the password is set anew',
      () => provider.cli(['users', 'set-password', person.email, '--password-stdin'], 'vK3-longer-than-long-ago\n'),
    ],
    ['the account is removed', () => provider.cli(['users', 'remove', '--yes', person.email])],
    [
      'all tokens of the app are revoked',
      () => provider.cli(['tokens', 'revoke', '--yes', '--client', endpoint.clientId]),
    ],
    [
      'the grant is revoked by its refresh token',
      () => provider.cli(['tokens', 'revoke', '--yes', '--token-stdin'], `${tokens.refresh_token}\n`),
    ],
    ['somebody else signs in in this browser', () => anotherComes()],
  ])('when %s', async (_, end) => {
    await end()
    expect(await toldOf(sidOf(tokens))).toMatchObject({ sub: tokens.claims()?.sub })
    expect(endpoint.told.filter((claims) => claims['sid'] === sidOf(tokens))).toHaveLength(1)
    expect(endpoint.refused).toEqual([])
  })

  async function anotherComes(): Promise<void> {
    const other = await addPerson(provider, { name: 'Grace Hopper' })
    const started = await shop.start({ prompt: 'login' })
    const page = await agent.visit(started.url)
    const choice = await agent.press(page, '#sign-in', { login: other.email, password: other.password })
    expect((choice.left ? choice : await agent.press(choice, '#switch')).left).toBe(true)
  }

  test('of its own sessions only, and of none that goes on', async () => {
    const elsewhere = new UserAgent(provider.issuer)
    const others = await signInTo(shop, elsewhere, person)
    expect(sidOf(others)).not.toBe(sidOf(tokens))
    await signOut(elsewhere)
    expect(await toldOf(sidOf(others))).toBeDefined()
    await signOut()
    expect(await toldOf(sidOf(tokens))).toBeDefined()
    expect(endpoint.told).toHaveLength(2)
  })

  test('when it is removed itself', async () => {
    const mine = await addShop()
    const theirs = await startLogoutEndpoint({ issuer: provider.issuer })
    try {
      theirs.clientId = mine.client_id
      await provider.cli(['clients', 'set', mine.client_id, '--backchannel-logout-uri', theirs.url])
      const gone = await silently(await relyingParty(provider.issuer, mine))
      await provider.cli(['clients', 'remove', '--yes', mine.client_id])
      expect(await toldOf(sidOf(gone), theirs)).toBeDefined()
    } finally {
      await theirs.close()
    }
  })

  test('of all sessions of the person, when it does not ask to be told which', async () => {
    const mine = await addShop('--no-backchannel-logout-session-required')
    const theirs = await startLogoutEndpoint({ issuer: provider.issuer })
    try {
      theirs.clientId = mine.client_id
      await provider.cli(['clients', 'set', mine.client_id, '--backchannel-logout-uri', theirs.url])
      const all = await silently(await relyingParty(provider.issuer, mine))
      await signOut()
      const claims = await eventually(() => theirs.told[0], patience)
      expect(claims).toMatchObject({ sub: all.claims()?.sub })
      expect(claims).not.toHaveProperty('sid')
    } finally {
      await theirs.close()
    }
  })

  test('by the algorithm of its ID tokens', async () => {
    const mine = await addShop('--id-token-alg', 'ES256')
    const theirs = await startLogoutEndpoint({ issuer: provider.issuer, alg: 'ES256' })
    try {
      theirs.clientId = mine.client_id
      await provider.cli(['clients', 'set', mine.client_id, '--backchannel-logout-uri', theirs.url])
      const signed = await silently(await relyingParty(provider.issuer, mine))
      await signOut()
      expect(await toldOf(sidOf(signed), theirs)).toBeDefined()
    } finally {
      await theirs.close()
    }
  })

  test('and not when the session merely expires, nor twice when its end is asked for twice', async () => {
    await askDatabase(provider.databaseUrl, 'update artifacts set expires_at = now() where model = 1 and uid = $1', [
      session.id,
    ])
    await signOut().catch(() => {})
    const another = new UserAgent(provider.issuer)
    const others = await signInTo(shop, another, person)
    await signOut(another)
    await provider.command(['sessions', 'end', '--yes', session.id])
    await provider.cli(['users', 'sign-out', '--yes', person.email])
    expect(await toldOf(sidOf(others))).toBeDefined()
    expect(endpoint.told).toHaveLength(1)
  })
})

/** Until the test says something else, however long a command takes meanwhile. */
const often = (answer: number | 'hang') => Array<number | 'hang'>(12).fill(answer)

describe('a server that does not answer well', () => {
  let sid: unknown

  beforeEach(async () => {
    sid = sidOf(await signInTo(shop, agent, person))
  })

  test('and is slow delays no sign-out: the person is signed out while it still thinks', async () => {
    endpoint.answer(sid, ...often('hang'))
    expect((await signOut()).heading).toBe('Signed out')
    expect(await eventually(() => endpoint.asked(sid) || undefined, patience)).toBeDefined()
    // It has been asked and has not answered; another person comes and goes.
    const [other, theirs] = [await addPerson(provider), new UserAgent(provider.issuer)]
    const tokens = await signInTo(shop, theirs, other)
    expect((await signOut(theirs)).heading).toBe('Signed out')
    expect(await toldOf(sidOf(tokens))).toBeDefined()
    expect(await shownOnce(sid, 'attempts > 0')).toMatchObject({ state: 'waiting' })
    endpoint.answer(sid, 200)
  })

  test.each<[string, number, RegExp]>([
    ['is broken', 500, /answered 500/],
    ['is overloaded', 429, /answered 429/],
    ['leads elsewhere', 302, /answered 302/],
    ['is not there yet', 404, /answered 404/],
  ])('and %s is tried again', async (_, status, error) => {
    endpoint.answer(sid, ...often(status))
    await signOut()
    expect(await shownOnce(sid, 'last_error is not null')).toMatchObject({
      state: 'waiting',
      attempts: expect.any(Number),
      next_try_at: expect.any(String),
      last_error: expect.stringMatching(error),
    })
    endpoint.answer(sid, 200)
    await hurry()
    expect(await shownOnce(sid, 'settled_at is not null')).toMatchObject({ state: 'delivered' })
    expect(endpoint.asked(sid)).toBeGreaterThan(1)
  })

  test('and is down is told when it is back', async () => {
    const mine = await addShop()
    const down = await startLogoutEndpoint({ issuer: provider.issuer })
    await provider.cli(['clients', 'set', mine.client_id, '--backchannel-logout-uri', down.url])
    const there = sidOf(await silently(await relyingParty(provider.issuer, mine)))
    await down.close()
    await signOut()
    const refused = "last_error like '%cannot be reached (ECONNREFUSED)%'"
    expect(await whenLogoutIs(there, refused)).toBeDefined()
    const back = await startLogoutEndpoint({ issuer: provider.issuer, port: down.port })
    try {
      back.clientId = mine.client_id
      await hurry()
      expect(await toldOf(there, back)).toBeDefined()
    } finally {
      await back.close()
    }
  })

  test('and refuses the token is not asked again, and the audit log says so', async () => {
    endpoint.answer(sid, 400)
    await signOut()
    const session = await whenLogoutIs(sid, 'settled_at is not null')
    expect((await show(session ?? '')).logouts).toMatchObject([
      { state: 'failed', attempts: 1, last_error: 'The app answered 400.' },
    ])
    await hurry()
    const events = await eventually(async () => {
      const found = await provider.cli<{ kind: string; detail: { session: string } }[]>(['events', 'list'])
      return found.find(({ kind, detail }) => kind === 'backchannel-logout.failed' && detail.session === session)
    }, patience)
    expect(events).toMatchObject({ detail: { attempts: 1, error: 'The app answered 400.' } })
    expect(endpoint.asked(sid)).toBe(1)
  })

  test('is given up in the end', async () => {
    endpoint.answer(sid, 503, 503)
    await signOut()
    await eventually(() => endpoint.asked(sid) || undefined, patience)
    const brought = `update logout_deliveries set attempts = 14, next_try_at = now() where sid = $1 and attempts = 1 and last_error is not null`
    await eventually(async () => {
      await askDatabase(provider.databaseUrl, brought, [sid])
      return endpoint.asked(sid) > 1 || undefined
    }, patience)
    expect(await shownOnce(sid, 'settled_at is not null')).toMatchObject({ state: 'failed', attempts: 15 })
  })
})
