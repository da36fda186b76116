/** Who is asked for consent, and what an app learns about a person where. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { decodeJwt } from 'jose'
import { eventually } from '../../harness/eventually.ts'
import { askDatabase } from '../../harness/later.ts'
import { addApi, addClient, addPerson, type ClientWishes, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type StartedSignIn, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn, signInTo } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const orders = 'https://orders.example'

let provider: Provider
let person: Person

beforeAll(async () => {
  provider = await startProvider()
  await addApi(provider, orders, ['orders:read', 'orders:write'])
  person = await addPerson(provider)
  newHouse = newApp({ firstParty: true })
})

afterAll(() => provider?.stop())

let newHouse: Promise<RelyingParty>

async function newApp(wishes: Partial<ClientWishes> = {}, scope = 'openid profile email'): Promise<RelyingParty> {
  const client = await addClient(provider, { preset: 'spa', redirectUris: [redirectUri], ...wishes })
  return relyingParty(provider.issuer, client, { redirectUri, scope })
}

const isConsent = ({ document }: VisitedPage) => document.querySelector('#allow') !== null

interface Visit {
  agent: UserAgent
  started: StartedSignIn
  page: VisitedPage
}

async function visit(app: RelyingParty, agent: UserAgent, parameters: Record<string, string> = {}): Promise<Visit> {
  const started = await app.start(parameters)
  const page = await agent.visit(started.url)
  const isLogin = page.document.querySelector('#sign-in') !== null
  return {
    agent,
    started,
    page: isLogin ? await agent.press(page, '#sign-in', { login: person.email, password: person.password }) : page,
  }
}

async function allow(app: RelyingParty, { agent, started, page }: Visit): Promise<Tokens> {
  return app.finish((await agent.press(page, '#allow')).url, started)
}

describe('an app of the house', () => {
  test('never asks for consent, whatever it asks for', async () => {
    const app = await newApp(
      { firstParty: true, apis: [orders] },
      'openid profile email phone address offline_access orders:read orders:write',
    )
    const arrived = await signIn(new UserAgent(provider.issuer), (await app.start()).url, person)
    expect(arrived.left).toBe(true)
    expect(arrived.url.searchParams.has('code')).toBe(true)
  })

  test('never asks for consent, not even by prompt=consent', async () => {
    const app = await newApp({ firstParty: true })
    const agent = new UserAgent(provider.issuer)
    await signInTo(app, agent, person)
    const { page } = await visit(app, agent, { prompt: 'consent' })
    expect(page.left).toBe(true)
    expect(page.url.searchParams.has('code')).toBe(true)
  })
})

describe('a guest app', () => {
  test('always asks for consent the first time, by name, and gets nothing before the answer', async () => {
    const app = await newApp({ name: 'Guest house' })
    const { page } = await visit(app, new UserAgent(provider.issuer))
    expect(isConsent(page)).toBe(true)
    expect(page.heading).toBe('Allow Guest house?')
    expect(page.text).toContain(new URL(redirectUri).host)
  })

  test('is not asked about again in another browser until it wants more, and then only about that', async () => {
    const app = await newApp({ apis: [orders] }, 'openid profile orders:read')
    await allow(app, await visit(app, new UserAgent(provider.issuer)))
    const agent = new UserAgent(provider.issuer)
    const silent = await visit(app, agent)
    expect(silent.page.left).toBe(true)
    expect((await app.finish(silent.page.url, silent.started)).scope).toContain('orders:read')

    const more = await visit(app, agent, { scope: 'openid profile email orders:read orders:write' })
    expect(isConsent(more.page)).toBe(true)
    const asked = more.page.document.querySelector('.asked')?.textContent ?? ''
    expect(asked).toContain('email address')
    expect(asked).toContain('orders:write')
    expect(asked).not.toMatch(/profile|orders:read/)
    await allow(app, more)
    const whole = { scope: 'openid profile email orders:read orders:write' }
    expect((await visit(app, new UserAgent(provider.issuer), whole)).page.left).toBe(true)
  })

  test('is let in by prompt=none once the person has allowed it, also in another browser', async () => {
    const house = await newApp({ firstParty: true })
    const app = await newApp()
    await allow(app, await visit(app, new UserAgent(provider.issuer)))
    const agent = new UserAgent(provider.issuer)
    await signInTo(house, agent, person)
    const { url } = await agent.visit((await app.start({ prompt: 'none' })).url)
    expect(url.searchParams.has('code')).toBe(true)
  })

  test('is asked about by another person, whatever the first one allowed', async () => {
    const app = await newApp()
    await allow(app, await visit(app, new UserAgent(provider.issuer)))
    const other = await addPerson(provider)
    const agent = new UserAgent(provider.issuer)
    const page = await agent.visit((await app.start()).url)
    const asked = await agent.press(page, '#sign-in', { login: other.email, password: other.password })
    expect(isConsent(asked)).toBe(true)
    expect(asked.text).toContain(other.email)
  })

  test('is asked about by whole when it says prompt=consent, though all was allowed before', async () => {
    const app = await newApp({ apis: [orders] }, 'openid email orders:read')
    const agent = new UserAgent(provider.issuer)
    await allow(app, await visit(app, agent))
    const { page } = await visit(app, agent, { prompt: 'consent' })
    expect(page.document.querySelector('.asked')?.textContent).toMatch(/email address.*orders:read/s)
  })

  test('waits while the person says "not you?" and signs in as another, who is asked in turn', async () => {
    const app = await newApp()
    const other = await addPerson(provider)
    const { agent, started, page } = await visit(app, new UserAgent(provider.issuer))
    const form = await agent.follow(page, '#another')
    expect(form.heading).toBe('Sign in')
    const asked = await agent.press(form, '#sign-in', { login: other.email, password: other.password })
    expect([isConsent(asked), asked.text.includes(other.email)]).toEqual([true, true])
    const tokens = await allow(app, { agent, started, page: asked })
    expect(await app.userinfo(tokens.access_token, tokens.claims()?.sub ?? '')).toMatchObject({ email: other.email })
  })

  test('has its API and scopes shown by the names that the administrator gave them', async () => {
    const audience = 'https://archive.example'
    await addApi(provider, audience, ['albums:read', 'albums:write'])
    await askDatabase(provider.databaseUrl, 'update apis set name = $2, scope_texts = $3 where audience = $1', [
      audience,
      'Photo archive',
      { 'albums:read': 'See your albums' },
    ])
    const app = await newApp({ apis: [audience] }, 'openid albums:read albums:write')
    const asked = await eventually(async () => {
      const { page } = await visit(app, new UserAgent(provider.issuer))
      const text = page.document.querySelector('.asked')?.textContent
      return text?.includes('Photo archive') ? text : undefined
    })
    expect(asked).toMatch(/Act for you at Photo archive.*See your albums.*albums:write/s)
  })

  test('asks again when it says prompt=consent', async () => {
    const app = await newApp()
    const agent = new UserAgent(provider.issuer)
    await allow(app, await visit(app, agent))
    expect(isConsent((await visit(app, agent, { prompt: 'consent' })).page)).toBe(true)
  })

  test('learns by prompt=none that consent is missing, without a page', async () => {
    const house = await newApp({ firstParty: true })
    const app = await newApp()
    const agent = new UserAgent(provider.issuer)
    await signInTo(house, agent, person)
    const { url } = await agent.visit((await app.start({ prompt: 'none' })).url)
    expect(url.searchParams.get('error')).toBe('consent_required')
  })

  test('is told of a refusal and nothing else, and may ask again', async () => {
    const app = await newApp()
    const agent = new UserAgent(provider.issuer)
    const { page } = await visit(app, agent)
    const { url } = await agent.press(page, '#deny')
    expect(url.searchParams.get('error')).toBe('access_denied')
    expect(url.searchParams.has('code')).toBe(false)
    expect(isConsent((await visit(app, agent)).page)).toBe(true)
  })

  test('a native app is asked for every time, for anybody may claim to be it', async () => {
    const app = await newApp({ preset: 'native', redirectUris: ['com.example.app:/callback'] })
    const native = await relyingParty(
      provider.issuer,
      { client_id: app.config.clientMetadata().client_id },
      { redirectUri: 'com.example.app:/callback' },
    )
    const agent = new UserAgent(provider.issuer)
    const first = await visit(native, agent)
    expect(isConsent(first.page)).toBe(true)
    await allow(native, first)
    expect(isConsent((await visit(native, agent)).page)).toBe(true)
  })
})

describe('a consent that is withdrawn on the account page', () => {
  const account = () => `${provider.issuer}/account`

  test('ends the refresh tokens, the grant and the access tokens of that app, and it asks again', async () => {
    const app = await newApp({ name: 'Guest house', apis: [orders] }, 'openid offline_access orders:read')
    const untouched = await newApp({ name: 'Neighbour', apis: [orders] }, 'openid offline_access orders:read')
    const agent = new UserAgent(provider.issuer)
    const tokens = await allow(app, await visit(app, agent))
    const elsewhere = await allow(app, await visit(app, new UserAgent(provider.issuer), { prompt: 'consent' }))
    const others = await allow(untouched, await visit(untouched, agent))

    const listed = await agent.visit(account())
    expect(listed.text).toContain('Guest house')
    const withdrawn = await agent.press(listed, buttonOf(listed, 'Guest house'))
    expect(withdrawn.document.querySelector('[role=status]')?.textContent).toContain('Guest house has no access')
    expect(withdrawn.document.querySelector('.rows')?.textContent).not.toContain('Guest house')

    for (const { refresh_token = '' } of [tokens, elsewhere]) {
      await expect(app.refresh(refresh_token)).rejects.toMatchObject({ error: 'invalid_grant' })
    }
    for (const { access_token } of [tokens, elsewhere]) expect(await causeOf(access_token)).toBe('consent.withdrawn')
    expect(await causeOf(others.access_token)).toBeUndefined()
    expect((await untouched.refresh(others.refresh_token ?? '')).access_token).toBeDefined()
    expect(isConsent((await visit(app, agent)).page)).toBe(true)
    expect(isConsent((await visit(app, new UserAgent(provider.issuer))).page)).toBe(true)
  })

  test('is recorded with the person and the app, as allowing it was', async () => {
    const app = await newApp({ name: 'Recorded' })
    const agent = new UserAgent(provider.issuer)
    await allow(app, await visit(app, agent))
    const listed = await agent.visit(account())
    await agent.press(listed, buttonOf(listed, 'Recorded'))
    const clientId = app.config.clientMetadata().client_id
    const kinds = await eventually(async () => {
      const events = await provider.cli<{ kind: string; client_id: string }[]>(['events', 'list'])
      const own = events.filter((event) => event.client_id === clientId).map(({ kind }) => kind)
      return own.includes('consent.withdrawn') ? own : undefined
    })
    expect(kinds).toEqual(expect.arrayContaining(['consent.granted', 'consent.withdrawn']))
  })

  test('races with sign-ins that rely on it: none of them keeps a grant', async () => {
    const app = await newApp({ name: 'Racing' }, 'openid offline_access')
    const agent = new UserAgent(provider.issuer)
    await allow(app, await visit(app, agent))
    const clientId = app.config.clientMetadata().client_id
    for (let round = 0; round < 6; round += 1) {
      const browsers = await Promise.all(
        Array.from({ length: 3 }, async () => {
          const browser = new UserAgent(provider.issuer)
          await signInTo(await newHouse, browser, person)
          return browser
        }),
      )
      const listed = await agent.visit(account())
      const withdrawing = agent.press(listed, buttonOf(listed, 'Racing'))
      const visits = browsers.map(async (browser) => browser.visit((await app.start()).url))
      await Promise.all([withdrawing, ...visits])
      const sql = `select count(*)::int as grants from artifacts g where g.model = 3 and g.client_id = $1
                     and not exists (select from consents c where c.client_id = g.client_id and c.account_id = g.account_id)`
      expect(await askDatabase(provider.databaseUrl, sql, [clientId])).toEqual([{ grants: 0 }])
      await allow(app, await visit(app, agent, { prompt: 'consent' }))
    }
  })

  function buttonOf({ document }: VisitedPage, name: string): string {
    const rows = document.querySelectorAll('.rows > li')
    return `.rows > li:nth-child(${rows.findIndex((row) => row.textContent.includes(name)) + 1}) button`
  }

  /** Why the token is void; undefined while it is not. */
  async function causeOf(token: string): Promise<string | undefined> {
    const claims = decodeJwt(token)
    const sql = 'select cause from revocations where value = $1'
    return (await askDatabase<{ cause: string }>(provider.databaseUrl, sql, [claims['grant_id']]))[0]?.cause
  }
})

describe('claims', () => {
  const inIdToken = async (app: RelyingParty) => {
    const tokens = await signInTo(app, new UserAgent(provider.issuer), person)
    return { tokens, claims: tokens.claims() }
  }

  test('of granted scopes are in the ID token and at userinfo', async () => {
    const app = await newApp({ firstParty: true })
    const { tokens, claims } = await inIdToken(app)
    expect(claims).toMatchObject({ email: person.email, name: person.name })
    expect(await app.userinfo(tokens.access_token, claims?.sub ?? '')).toMatchObject({
      email: person.email,
      name: person.name,
    })
  })

  test('are not in the ID token of an app that is set so, from the moment of the change', async () => {
    const client = await addClient(provider, {
      preset: 'spa',
      firstParty: true,
      redirectUris: [redirectUri],
      more: ['--claims-in-id-token', 'on'],
    })
    const app = await relyingParty(provider.issuer, client, { redirectUri })
    expect((await inIdToken(app)).claims).toMatchObject({ email: person.email, name: person.name })
    await provider.cli(['clients', 'set', client.client_id, '--claims-in-id-token', 'off'])
    let last = (await inIdToken(app)).claims
    for (let tries = 0; tries < 20 && last?.['email']; tries += 1) last = (await inIdToken(app)).claims
    expect(last).not.toHaveProperty('email')
  })

  test('that the claims parameter names are in the ID token and in userinfo, each where it was asked for', async () => {
    const app = await newApp({ firstParty: true }, 'openid')
    const claims = JSON.stringify({ id_token: { email: { essential: true } }, userinfo: { name: null } })
    const tokens = await signInTo(app, new UserAgent(provider.issuer), person, { claims })
    expect(tokens.claims()).toMatchObject({ email: person.email })
    expect(tokens.claims()).not.toHaveProperty('name')
    const told = await app.userinfo(tokens.access_token, tokens.claims()?.sub ?? '')
    expect(told).toMatchObject({ name: person.name })
    expect(told).not.toHaveProperty('email')
  })

  test('beyond the scopes are told nowhere', async () => {
    const app = await newApp({ firstParty: true }, 'openid')
    const { tokens, claims } = await inIdToken(app)
    expect(await app.userinfo(tokens.access_token, claims?.sub ?? '')).toEqual({ sub: claims?.sub })
  })

  test('of the sign-in itself are true: when, how, and how strong', async () => {
    const app = await newApp({ firstParty: true })
    const { claims } = await inIdToken(app)
    expect(claims).toMatchObject({
      amr: ['pwd'],
      acr: expect.stringMatching(/password/),
      auth_time: expect.any(Number),
    })
    expect(Math.abs(Number(claims?.auth_time) - Date.now() / 1000)).toBeLessThan(30)
  })

  test('in userinfo carry the same subject as the ID token, by GET and by POST', async () => {
    const app = await newApp({ firstParty: true })
    const { tokens, claims } = await inIdToken(app)
    const url = app.config.serverMetadata().userinfo_endpoint ?? ''
    for (const method of ['GET', 'POST']) {
      const answer = await fetch(url, { method, headers: { authorization: `Bearer ${tokens.access_token}` } })
      expect(await answer.json()).toMatchObject({ sub: claims?.sub })
    }
  })

  test('are refused to a token in the query', async () => {
    const app = await newApp({ firstParty: true })
    const { tokens } = await inIdToken(app)
    const answer = await fetch(`${app.config.serverMetadata().userinfo_endpoint}?access_token=${tokens.access_token}`)
    expect([400, 401]).toContain(answer.status)
  })
})
