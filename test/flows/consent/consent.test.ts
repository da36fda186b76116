/** Who is asked for consent, and what an app learns about a person where. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
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
})

afterAll(() => provider?.stop())

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

  test('asks again in another browser, and at once when it wants more than was allowed', async () => {
    const app = await newApp({}, 'openid profile')
    const agent = new UserAgent(provider.issuer)
    await allow(app, await visit(app, agent))
    expect((await visit(app, agent)).page.left).toBe(true)
    const more = await visit(app, agent, { scope: 'openid profile email' })
    expect(isConsent(more.page)).toBe(true)
    expect(isConsent((await visit(app, new UserAgent(provider.issuer))).page)).toBe(true)
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
