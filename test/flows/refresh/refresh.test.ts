/** Refresh tokens that are retried, shared by tabs, or stolen. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { artifactModels } from '../../../src/storage/protocol/artifact-models.ts'
import { eventually } from '../../harness/eventually.ts'
import { askDatabase, days, letTimePass } from '../../harness/later.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const pastTheGrace = 11
const invalidGrant = { error: 'invalid_grant' }

interface AuditEntry {
  kind: string
  client_id: string | null
  detail: { grantId?: string }
}

let provider: Provider
let person: Person
let app: RelyingParty
let tokens: Tokens
let agent: UserAgent
let grantId: string

beforeAll(async () => {
  provider = await startProvider()
  const [added, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] }),
  ])
  person = added
  app = await relyingParty(provider.issuer, client, { redirectUri })
})

beforeEach(async () => {
  agent = new UserAgent(provider.issuer)
  tokens = await signInTo(app, agent, person)
  grantId = await latestGrant()
})

afterAll(() => provider?.stop())

const refreshTokenOf = ({ refresh_token }: Tokens): string => {
  if (!refresh_token) throw new Error('There is no refresh token.')
  return refresh_token
}
const renew = (from: Tokens) => app.refresh(refreshTokenOf(from))
const later = (seconds: number) => letTimePass(provider.databaseUrl, seconds)

/** The grant of the latest sign-in. */
async function latestGrant(): Promise<string> {
  const sql = 'select grant_id from artifacts where model = $1 order by created_at desc limit 1'
  const [grant] = await askDatabase<{ grant_id: string }>(provider.databaseUrl, sql, [artifactModels.Grant])
  return grant?.grant_id ?? ''
}

async function reuseEvents(grantId: string): Promise<AuditEntry[]> {
  const all = await provider.cli<AuditEntry[]>(['events', 'list', '--kind', 'refresh-token.reused', '--limit', '100'])
  return all.filter(({ detail }) => detail.grantId === grantId)
}

/** The audit log is written within moments. What is in it by then is all that these requests wrote: one batch. */
const reuseEventsByNow = (grantId: string) =>
  eventually(async () => {
    const events = await reuseEvents(grantId)
    return events.length > 0 ? events : undefined
  })

describe('within the grace', () => {
  test('a refresh token that was just rotated works again, and both branches live on', async () => {
    const first = await renew(tokens)
    const second = await renew(tokens)
    for (const branch of [first, second]) {
      const next = await renew(branch)
      expect(next.refresh_token).not.toBe(branch.refresh_token)
      await expect(app.userinfo(next.access_token, tokens.claims()?.sub ?? '')).resolves.toBeDefined()
    }
  })

  test('20 parallel refreshes with one token leave every tab working, also after the grace', async () => {
    const tabs = await Promise.all(Array.from({ length: 20 }, () => renew(tokens)))
    expect(new Set(tabs.map(refreshTokenOf)).size).toBe(20)
    await later(pastTheGrace)
    const renewed = await Promise.all(tabs.map(renew))
    expect(renewed).toHaveLength(20)
    expect(await reuseEvents(grantId)).toEqual([])
  })

  test('using the old token again never makes its grace longer', async () => {
    await renew(tokens)
    await later(6)
    await renew(tokens)
    await later(6)
    await expect(renew(tokens)).rejects.toMatchObject(invalidGrant)
  })
})

describe('after the grace', () => {
  test('reuse gives invalid_grant, ends every branch of the grant and writes exactly one audit event', async () => {
    const branches = await Promise.all([renew(tokens), renew(tokens), renew(tokens)])
    await later(pastTheGrace)
    const events = await reuseEvents(grantId)
    await expect(renew(tokens)).rejects.toMatchObject(invalidGrant)
    for (const branch of branches) await expect(renew(branch)).rejects.toMatchObject(invalidGrant)
    await expect(renew(tokens)).rejects.toMatchObject(invalidGrant)
    expect(events).toEqual([])
    expect(await reuseEventsByNow(grantId)).toHaveLength(1)
  })

  test('20 parallel replays write one audit event, not twenty', async () => {
    await renew(tokens)
    await later(pastTheGrace)
    const replays = await Promise.allSettled(Array.from({ length: 20 }, () => renew(tokens)))
    for (const replay of replays) expect(replay).toMatchObject({ status: 'rejected', reason: invalidGrant })
    expect(await reuseEventsByNow(grantId)).toHaveLength(1)
  })

  test('reuse ends the access tokens of the grant, too', async () => {
    const branch = await renew(tokens)
    await later(pastTheGrace)
    await expect(renew(tokens)).rejects.toMatchObject(invalidGrant)
    await expect(app.userinfo(branch.access_token, tokens.claims()?.sub ?? '')).rejects.toMatchObject({ status: 401 })
  })

  test('the person signs in again without a password: the session is not the thief’s', async () => {
    await renew(tokens)
    await later(pastTheGrace)
    await expect(renew(tokens)).rejects.toMatchObject(invalidGrant)
    const started = await app.start()
    const arrived = await agent.visit(started.url)
    expect(arrived.left).toBe(true)
    const anew = await app.finish(arrived.url, started)
    expect((await renew(anew)).access_token).toBeDefined()
  })
})

describe('single sign-on', () => {
  test('a second app that the same session is used for gets a refresh token that refreshes, moments after the first', async () => {
    const client = await addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] })
    const second = await relyingParty(provider.issuer, client, { redirectUri })
    const started = await second.start()
    const arrived = await agent.visit(started.url)
    const given = await second.finish(arrived.url, started)
    expect((await second.refresh(refreshTokenOf(given))).access_token).toBeDefined()
    expect((await renew(tokens)).access_token).toBeDefined()
  })
})

describe('offline access', () => {
  const offline = { scope: 'openid offline_access' }

  test('an app of the house gets it without prompt=consent, and its refresh token outlives the session', async () => {
    const own = new UserAgent(provider.issuer)
    const given = await signInTo(app, own, person, offline)
    expect(given.scope?.split(' ')).toContain('offline_access')
    const page = await own.visit(app.signOutUrl({ id_token_hint: given.id_token ?? '' }))
    if (page.document.querySelector('#sign-out')) await own.press(page, '#sign-out')
    expect((await renew(given)).refresh_token).toBeDefined()
  })

  test('is not given to whoever did not ask for it', () => {
    expect(tokens.scope?.split(' ')).not.toContain('offline_access')
  })

  test('a refresh token still refreshes on day 15 and on day 60 when it is used within its idle time', async () => {
    let current = await signInTo(app, new UserAgent(provider.issuer), person, offline)
    for (let day = 0; day < 60; day += 10) {
      await later(days(10))
      current = await renew(current)
    }
    expect(current.access_token).toBeDefined()
  })

  test('a refresh token that rested for longer than its idle time is refused', async () => {
    const given = await signInTo(app, new UserAgent(provider.issuer), person, offline)
    await later(days(14) + 60)
    await expect(renew(given)).rejects.toMatchObject(invalidGrant)
  })

  test('a chain of refresh tokens ends at its absolute limit, however often it is used', async () => {
    let current = await signInTo(app, new UserAgent(provider.issuer), person, offline)
    for (let day = 0; day < 80; day += 10) {
      await later(days(10))
      current = await renew(current)
    }
    await later(days(10) + 60)
    await expect(renew(current)).rejects.toMatchObject(invalidGrant)
  })
})
