/** Signing out always finishes, whatever the app sends along. */
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { decodeJwt, decodeProtectedHeader } from 'jose'
import { issuedEarlier } from '../../harness/issued-earlier.ts'
import { letTimePass } from '../../harness/later.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const signedOutUri = 'https://app.example/bye'
const toApp = { post_logout_redirect_uri: signedOutUri, state: 'x y' }

let provider: Provider
let person: Person
let app: RelyingParty
let clientId: string
let agent: UserAgent
let tokens: Tokens

beforeAll(async () => {
  provider = await startProvider()
  const [added, client] = await Promise.all([
    addPerson(provider),
    addClient(provider, {
      preset: 'spa',
      name: 'Orchard',
      firstParty: true,
      redirectUris: [redirectUri],
      postLogoutRedirectUris: [signedOutUri],
    }),
  ])
  person = added
  clientId = client.client_id
  app = await relyingParty(provider.issuer, client, { redirectUri })
})

beforeEach(async () => {
  agent = new UserAgent(provider.issuer)
  tokens = await signInTo(app, agent, person)
})

afterAll(() => provider?.stop())

const hint = () => ({ id_token_hint: tokens.id_token ?? '' })

function endUrl(parameters: Record<string, string>): string {
  const query = new URLSearchParams(parameters)
  return `${app.config.serverMetadata().end_session_endpoint}?${query}`
}

/** Goes to the end of a sign-out, saying yes if asked. */
async function signOut(parameters: Record<string, string>, by = agent): Promise<VisitedPage> {
  const page = await by.visit(endUrl(parameters))
  return page.document.querySelector('#sign-out') ? by.press(page, '#sign-out') : page
}

function expectAtApp({ left, url }: VisitedPage): void {
  expect(left).toBe(true)
  expect(`${url.origin}${url.pathname}`).toBe(signedOutUri)
  expect(Object.fromEntries(url.searchParams)).toEqual({ state: 'x y' })
}

async function expectSignedOut(): Promise<void> {
  const { url, left } = await agent.visit((await app.start({ prompt: 'none' })).url)
  expect(left).toBe(true)
  expect(url.searchParams.get('error')).toBe('login_required')
  await expect(app.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
}

describe('ends the session and lands on the registered address', () => {
  test('with a fresh hint', async () => {
    expectAtApp(await signOut({ ...hint(), ...toApp }))
    await expectSignedOut()
  })

  test('with a hint that has long expired', async () => {
    const expired = await issuedEarlier(provider, tokens.id_token ?? '', 7_200)
    expect(decodeJwt(expired).exp).toBeLessThan(Date.now() / 1000 - 1800)
    expectAtApp(await signOut({ id_token_hint: expired, ...toApp }))
    await expectSignedOut()
  })

  test('with a client_id and nothing else', async () => {
    expectAtApp(await signOut({ client_id: clientId, ...toApp }))
    await expectSignedOut()
  })

  test('with both, when they name the same app', async () => {
    expectAtApp(await signOut({ ...hint(), client_id: clientId, ...toApp }))
    await expectSignedOut()
  })

  test('when the request is posted by the app', async () => {
    const body = new URLSearchParams({ ...hint(), ...toApp }).toString()
    const { status, headers } = await agent.send('POST', app.config.serverMetadata().end_session_endpoint ?? '', {
      body,
      headers: { origin: 'https://app.example', 'sec-fetch-site': 'cross-site' },
    })
    expect(status).toBe(303)
    const page = await agent.visit(String(headers.location))
    expectAtApp(page.document.querySelector('#sign-out') ? await agent.press(page, '#sign-out') : page)
    await expectSignedOut()
  })

  test('of a native app, whatever port it listens on (RFC 8252 §7.3)', async () => {
    const native = await addClient(provider, {
      preset: 'native',
      redirectUris: ['http://127.0.0.1/cb'],
      postLogoutRedirectUris: ['http://127.0.0.1/bye'],
    })
    const leave = { client_id: native.client_id, post_logout_redirect_uri: 'http://127.0.0.1:51004/bye' }
    for (const by of [agent, new UserAgent(provider.issuer)]) {
      const { left, url } = await signOut(leave, by)
      expect(left).toBe(true)
      expect(url.href).toBe('http://127.0.0.1:51004/bye')
    }
    await expectSignedOut()
  })

  test('with a hint whose key was retired since, and one whose key was revoked', async () => {
    const { kid } = decodeProtectedHeader(tokens.id_token ?? '')
    await provider.cli(['keys', 'rotate', '--now'])
    await newKeySigns(kid ?? '')
    expectAtApp(await signOut({ ...hint(), ...toApp }))
    await expectSignedOut()

    const old = tokens
    tokens = await signInTo(app, agent, person)
    await provider.cli(['keys', 'revoke', kid ?? '', '--compromised', '--yes'])
    expectAtApp(await signOut({ id_token_hint: old.id_token ?? '', ...toApp }))
    await expectSignedOut()
  })
})

describe('asks no question', () => {
  const asked = ({ document }: VisitedPage) => document.querySelector('#sign-out') !== null

  test('when an app of our own sends the ID token of this session: one redirect, and the person is signed out', async () => {
    const page = await agent.visit(endUrl({ ...hint(), ...toApp }))
    expectAtApp(page)
    expect(page.way).toHaveLength(1)
    await expectSignedOut()
  })

  test('and shows the way back to the app when it gives no return address', async () => {
    const page = await agent.visit(endUrl(hint()))
    expect(page).toMatchObject({ status: 200, heading: 'Signed out' })
    expect(page.document.querySelector('#continue')?.textContent).toBe('Back to Orchard')
    await expectSignedOut()
  })

  test('with the ID token that a refresh brought', async () => {
    const renewed = await app.refresh(tokens.refresh_token ?? '')
    tokens = { ...renewed, id_token: renewed.id_token ?? tokens.id_token } as Tokens
    expectAtApp(await agent.visit(endUrl({ ...hint(), ...toApp })))
  })

  test('but asks when the ID token is of another person, of an earlier session, or of no key of ours', async () => {
    const claims = JSON.stringify({ id_token: { sid: null } })
    const earlier = await signInTo(app, new UserAgent(provider.issuer), person, { claims })
    const other = await addPerson(provider)
    const theirs = await signInTo(app, new UserAgent(provider.issuer), other)
    const again = new UserAgent(provider.issuer)
    await signInTo(app, again, person)
    const [head = '', , seal = ''] = (tokens.id_token ?? '').split('.')
    const forged = Buffer.from(JSON.stringify({ ...tokens.claims(), auth_time: 1 })).toString('base64url')
    expect(asked(await agent.visit(endUrl({ id_token_hint: theirs.id_token ?? '', ...toApp })))).toBe(true)
    expect(asked(await again.visit(endUrl({ id_token_hint: earlier.id_token ?? '', ...toApp })))).toBe(true)
    expect(asked(await agent.visit(endUrl({ id_token_hint: `${head}.${forged}.${seal}`, ...toApp })))).toBe(true)
    await expect(app.refresh(tokens.refresh_token ?? '')).resolves.toBeDefined()
  })

  test('but asks when a guest app sends it', async () => {
    const guest = await relyingParty(
      provider.issuer,
      await addClient(provider, { preset: 'spa', name: 'Guest', redirectUris: [redirectUri] }),
      { redirectUri },
    )
    const started = await guest.start()
    const page = await agent.visit(started.url)
    const theirs = await guest.finish((await agent.press(page, '#allow')).url, started)
    expect(asked(await agent.visit(endUrl({ id_token_hint: theirs.id_token ?? '' })))).toBe(true)
  })

  test('and a sign-out with a question leads back to the app, too', async () => {
    const page = await signOut({ client_id: clientId })
    expect(page.document.querySelector('#continue')?.textContent).toBe('Back to Orchard')
  })
})

describe('is harmless', () => {
  test('without a session: the browser lands on the registered address at once', async () => {
    const stranger = new UserAgent(provider.issuer)
    const page = await stranger.visit(endUrl({ ...hint(), ...toApp }))
    expectAtApp(page)
    expect(page.way).toHaveLength(1)
  })

  test('without a session and without anything: a page says that nobody is signed in', async () => {
    const page = await new UserAgent(provider.issuer).visit(endUrl({}))
    expect(page).toMatchObject({ status: 200, heading: 'Signed out' })
  })

  test('twice: the second time ends where the first one did', async () => {
    expectAtApp(await signOut({ ...hint(), ...toApp }))
    expectAtApp(await signOut({ ...hint(), ...toApp }))
    await expectSignedOut()
  })

  test('a confirmation that is sent twice does no harm and shows a page or the app', async () => {
    const page = await agent.visit(endUrl({ client_id: clientId, ...toApp }))
    expect(page.document.querySelector('#sign-out')).not.toBeNull()
    expectAtApp(await agent.press(page, '#sign-out'))
    const second = await agent.press(page, '#sign-out')
    expect(second.status).toBeLessThan(500)
    expect(second.left || /^text\/html/.test(String(second.headers['content-type']))).toBe(true)
    await expectSignedOut()
  })

  test('a session that ended meanwhile on the server', async () => {
    await letTimePass(provider.databaseUrl, 13 * 3600)
    expectAtApp(await signOut({ ...hint(), ...toApp }))
  })
})

describe('shows a page of its own', () => {
  const unknown: [string, Record<string, string>][] = [
    ['another address', { post_logout_redirect_uri: 'https://evil.example/' }],
    ['a longer address', { post_logout_redirect_uri: `${signedOutUri}/more` }],
    ['a script', { post_logout_redirect_uri: 'javascript:alert(1)' }],
    ['no address', {}],
  ]

  test.each(unknown)('and still signs out when the app gives %s', async (_name, parameters) => {
    const page = await signOut({ ...hint(), ...parameters })
    expect(page).toMatchObject({ status: 200, heading: 'Signed out', left: false })
    expect(page.text).not.toContain('evil.example')
    await expectSignedOut()
  })

  test('and still signs out when the hint is garbage or another issuer’s', async () => {
    for (const garbage of ['garbage', 'a.b.c', 'x'.repeat(3000)]) {
      const page = await signOut({ id_token_hint: garbage, ...toApp })
      expect(page).toMatchObject({ status: 200, heading: 'Signed out' })
      agent = new UserAgent(provider.issuer)
      tokens = await signInTo(app, agent, person)
    }
  })

  test('and asks first, so that no other site can sign a person out behind their back', async () => {
    const page = await agent.visit(endUrl({ client_id: clientId, ...toApp }))
    expect(page.document.querySelector('#sign-out')).not.toBeNull()
    const { left } = await agent.visit((await app.start({ prompt: 'none' })).url)
    expect(left).toBe(true)
    await expect(app.refresh(tokens.refresh_token ?? '')).resolves.toBeDefined()
  })
})

async function newKeySigns(old: string): Promise<void> {
  for (let tries = 0; tries < 50; tries += 1) {
    const fresh = await signInTo(app, new UserAgent(provider.issuer), person)
    if (decodeProtectedHeader(fresh.id_token ?? '').kid !== old) return
  }
  throw new Error('The new key does not sign.')
}
