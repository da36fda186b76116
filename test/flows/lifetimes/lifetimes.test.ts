/** How long a person stays signed in: what was ticked, and what the settings say. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { runClaviger } from '../../harness/cli.ts'
import { days, letTimePass } from '../../harness/later.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const hours = (count: number) => count * 3600

let provider: Provider
let person: Person
let app: RelyingParty

beforeAll(async () => {
  provider = await startProvider({ env: { CLAVIGER_SESSION_TTL: '5d' } })
  const [added, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, { preset: 'spa', firstParty: true, redirectUris: [redirectUri] }),
  ])
  person = added
  app = await relyingParty(provider.issuer, client, { redirectUri })
})

afterAll(() => provider?.stop())

const later = (seconds: number) => letTimePass(provider.databaseUrl, seconds)

async function signedIn(remember: boolean): Promise<{ agent: UserAgent; arrived: VisitedPage }> {
  const agent = new UserAgent(provider.issuer)
  const arrived = await signIn(agent, (await app.start()).url, person, remember ? { remember: true } : {})
  expect(arrived.left).toBe(true)
  return { agent, arrived }
}

/** Another app visit in the same browser, which shows the password page or nothing at all. */
async function isSignedIn(agent: UserAgent, parameters: Record<string, string> = {}): Promise<boolean> {
  const { left, url } = await agent.visit((await app.start(parameters)).url)
  return left && url.searchParams.has('code')
}

const sessionCookie = ({ headers }: VisitedPage) =>
  (headers['set-cookie'] ?? []).find((line) => line.startsWith('claviger_session=')) ?? ''

describe('“keep me signed in”', () => {
  test('not ticked, the session cookie has no expiry: closing the browser signs out', async () => {
    const { agent, arrived } = await signedIn(false)
    expect(sessionCookie(arrived)).not.toBe('')
    expect(sessionCookie(arrived)).not.toMatch(/expires|max-age/i)
    expect(await isSignedIn(agent)).toBe(true)
    agent.cookies.closeBrowser()
    expect(await isSignedIn(agent)).toBe(false)
  })

  test('ticked, the session cookie has an expiry: closing the browser changes nothing', async () => {
    const { agent, arrived } = await signedIn(true)
    expect(sessionCookie(arrived)).toMatch(/; expires=/i)
    agent.cookies.closeBrowser()
    expect(await isSignedIn(agent)).toBe(true)
  })

  test('ticked, the cookie ends no later than the session does on the server', async () => {
    const { arrived } = await signedIn(true)
    const expires = Date.parse(/expires=([^;]+)/i.exec(sessionCookie(arrived))?.[1] ?? '')
    expect(expires).toBeGreaterThan(Date.now())
    expect(expires).toBeLessThanOrEqual(Date.now() + hours(12) * 1000 + 1000)
  })

  test('a later visit does not turn a session cookie into one that stays', async () => {
    const { agent } = await signedIn(false)
    const again = await agent.visit((await app.start()).url)
    expect(sessionCookie(again)).not.toMatch(/expires|max-age/i)
  })

  test('signing in again without the tick takes the tick back', async () => {
    const { agent } = await signedIn(true)
    const page = await agent.visit((await app.start({ prompt: 'login' })).url)
    await agent.press(page, '#sign-in', { login: person.email, password: person.password, remember: false })
    agent.cookies.closeBrowser()
    expect(await isSignedIn(agent)).toBe(false)
  })
})

describe.each([
  ['ticked', true],
  ['not ticked', false],
])('a session, %s', (_name, remember) => {
  test('ends on the server after its idle time: a copied cookie dies, too', async () => {
    const { agent } = await signedIn(remember)
    const copied = new UserAgent(provider.issuer, { cookies: agent.cookies.copy() })
    await later(hours(11))
    expect(await isSignedIn(agent)).toBe(true)
    await later(hours(12) + 60)
    expect(await isSignedIn(copied)).toBe(false)
    expect(await isSignedIn(agent)).toBe(false)
  })

  test('ends on the server at its absolute limit, however often it is used', async () => {
    const { agent } = await signedIn(remember)
    const copy = () => new UserAgent(provider.issuer, { cookies: agent.cookies.copy() })
    for (let half = 0; half < 9; half += 1) {
      await later(hours(12) - 60)
      expect(await isSignedIn(agent)).toBe(true)
    }
    const copied = copy()
    await later(hours(12) + 3600)
    expect(await isSignedIn(copied)).toBe(false)
    expect(await isSignedIn(agent)).toBe(false)
  })
})

describe('silent renewal', () => {
  test('by prompt=none never extends the absolute limit', async () => {
    const { agent } = await signedIn(true)
    for (let half = 0; half < 9; half += 1) {
      await later(hours(12) - 60)
      expect(await isSignedIn(agent, { prompt: 'none' })).toBe(true)
    }
    await later(hours(12) + 3600)
    const { url } = await agent.visit((await app.start({ prompt: 'none' })).url)
    expect(url.searchParams.get('error')).toBe('login_required')
  })

  test('by refresh token never keeps a session alive: without offline_access it ends with it', async () => {
    const agent = new UserAgent(provider.issuer)
    const started = await app.start()
    let tokens = await app.finish((await signIn(agent, started.url, person)).url, started)
    await later(hours(10))
    tokens = await app.refresh(tokens.refresh_token ?? '')
    await later(hours(3))
    await expect(app.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
    expect(await isSignedIn(agent)).toBe(false)
  })
})

describe('settings', () => {
  test('a start that is told contradictory lifetimes names each of them and serves nothing', async () => {
    const { CLAVIGER_PORT: _port, ...env } = provider.env
    const contradictory = {
      ...env,
      CLAVIGER_REFRESH_TOKEN_IDLE_TTL: '91d',
      CLAVIGER_SESSION_IDLE_TTL: '31d',
      CLAVIGER_ACCESS_TOKEN_TTL: '2h',
      CLAVIGER_REFRESH_GRACE: '2m',
    }
    const { code, stderr } = await runClaviger(['start'], contradictory)
    expect(code).not.toBe(0)
    for (const name of ['ACCESS_TOKEN_TTL', 'REFRESH_GRACE']) expect(stderr).toContain(`CLAVIGER_${name}`)
    const { CLAVIGER_ACCESS_TOKEN_TTL: _long, CLAVIGER_REFRESH_GRACE: _grace, ...pairs } = contradictory
    const second = await runClaviger(['start'], pairs)
    expect(second.code).not.toBe(0)
    expect(second.stderr).toContain(
      'CLAVIGER_REFRESH_TOKEN_IDLE_TTL must not be longer than CLAVIGER_REFRESH_TOKEN_TTL',
    )
    expect(second.stderr).toContain('CLAVIGER_SESSION_IDLE_TTL must not be longer than CLAVIGER_SESSION_TTL')
  })

  test('config show prints idle and absolute lifetimes', async () => {
    const shown = await provider.cli<{ name: string; value: string }[]>(['config', 'show'])
    const values = Object.fromEntries(shown.map(({ name, value }) => [name, value]))
    expect(values).toMatchObject({
      CLAVIGER_ACCESS_TOKEN_TTL: '10m',
      CLAVIGER_REFRESH_TOKEN_IDLE_TTL: '14d',
      CLAVIGER_REFRESH_TOKEN_TTL: '90d',
      CLAVIGER_SESSION_IDLE_TTL: '12h',
      CLAVIGER_SESSION_TTL: '5d',
    })
  })

  test('a grant lives longer than the longest session and the longest refresh token together', async () => {
    const agent = new UserAgent(provider.issuer)
    const started = await app.start({ scope: 'openid offline_access' })
    let tokens = await app.finish((await signIn(agent, started.url, person, { remember: true })).url, started)
    for (let half = 0; half < 9; half += 1) {
      await later(hours(12) - 60)
      expect(await isSignedIn(agent)).toBe(true)
    }
    const late = await app.start({ scope: 'openid offline_access' })
    tokens = await app.finish((await agent.visit(late.url)).url, late)
    for (let day = 0; day < 84; day += 12) {
      await later(days(12))
      tokens = await app.refresh(tokens.refresh_token ?? '')
    }
    expect(tokens.access_token).toBeDefined()
  })
})
