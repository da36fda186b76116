/** What an app may ask of a sign-in: none, anew, somebody else, in a language. */
import { readFileSync } from 'node:fs'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from '@jest/globals'
import { letTimePass } from '../../harness/later.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type Tokens } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const password = 'urn:claviger:acr:password'

let provider: Provider
let ada: Person
let grace: Person
let app: RelyingParty
let agent: UserAgent
let tokens: Tokens

beforeAll(async () => {
  provider = await startProvider()
  const [one, two, client] = await Promise.all([
    addPerson(provider),
    addPerson(provider, { name: 'Grace Hopper', email: 'grace@example.com' }),
    addClient(provider, { preset: 'spa', name: 'Orchard', firstParty: true, redirectUris: [redirectUri] }),
  ])
  ;[ada, grace] = [one, two]
  app = await relyingParty(provider.issuer, client, { redirectUri })
})

beforeEach(async () => {
  agent = new UserAgent(provider.issuer)
  tokens = await signInTo(app, agent, ada)
})

afterAll(() => provider?.stop())

const visit = async (parameters: Record<string, string>, by = agent): Promise<VisitedPage> =>
  by.visit((await app.start(parameters)).url)
const typed = ({ email, password: secret }: Person) => ({ login: email, password: secret })
const errorOf = ({ left, url }: VisitedPage) => ({ left, error: url.searchParams.get('error') })
const loginShown = ({ document }: VisitedPage) => document.querySelector('input[name="login"]')?.getAttribute('value')
/** Sessions and what hangs on them are older by so much. */
const later = (seconds: number) => letTimePass(provider.databaseUrl, seconds)

/** Through whatever page is shown, to tokens. */
async function complete(parameters: Record<string, string>, press: (page: VisitedPage) => Promise<VisitedPage>) {
  const started = await app.start(parameters)
  const page = await agent.visit(started.url)
  return app.finish((await press(page)).url, started)
}

describe('prompt=none', () => {
  test('never shows a page: without a session the app gets login_required', async () => {
    expect(errorOf(await visit({ prompt: 'none' }, new UserAgent(provider.issuer)))).toEqual({
      left: true,
      error: 'login_required',
    })
  })

  test('gives tokens for who is signed in, with the time of the sign-in that was', async () => {
    const silent = await complete({ prompt: 'none' }, async (page) => page)
    expect(silent.claims()?.sub).toBe(tokens.claims()?.sub)
    expect(silent.claims()?.auth_time).toBe(tokens.claims()?.auth_time)
  })

  test('with the ID token of another person as hint gets login_required', async () => {
    const other = await signInTo(app, new UserAgent(provider.issuer), grace)
    expect(errorOf(await visit({ prompt: 'none', id_token_hint: other.id_token ?? '' }))).toEqual({
      left: true,
      error: 'login_required',
    })
    expect(errorOf(await visit({ prompt: 'none', id_token_hint: tokens.id_token ?? '' })).error).toBeNull()
  })

  test('with a max_age that is over gets login_required', async () => {
    await later(100)
    expect(errorOf(await visit({ prompt: 'none', max_age: '60' })).error).toBe('login_required')
    expect(errorOf(await visit({ prompt: 'none', max_age: '3600' })).error).toBeNull()
  })

  test('together with another prompt makes no sense and is refused', async () => {
    expect(errorOf(await visit({ prompt: 'none login' })).error).toBe('invalid_request')
  })

  test('for a person who was disabled meanwhile gets login_required, never a fault', async () => {
    const person = await addPerson(provider, { name: 'Short Stay' })
    const theirs = new UserAgent(provider.issuer)
    await signInTo(app, theirs, person)
    await provider.cli(['users', 'disable', person.email])
    expect(errorOf(await visit({ prompt: 'none' }, theirs)).error).toBe('login_required')
    expect(await visit({}, theirs)).toMatchObject({ status: 200, heading: 'Sign in' })
  })
})

describe('signing in anew', () => {
  test.each([
    ['prompt=login', { prompt: 'login' }],
    ['max_age=0', { max_age: '0' }],
  ])('%s asks for the password again, and auth_time is that of the new proof', async (_name, parameters) => {
    await later(100)
    const before = Number(tokens.claims()?.auth_time) - 100
    const anew = await complete(parameters, (page) => {
      expect(page.heading).toBe('Sign in')
      expect(loginShown(page)).toBe(ada.email)
      return agent.press(page, '#sign-in', typed(ada))
    })
    expect(anew.claims()?.sub).toBe(tokens.claims()?.sub)
    expect(Number(anew.claims()?.auth_time)).toBeGreaterThanOrEqual(before + 100)
    expect(Math.abs(Number(anew.claims()?.auth_time) - Date.now() / 1000)).toBeLessThan(30)
  })

  test('max_age asks only when the last proof is older than that', async () => {
    await later(100)
    expect((await visit({ max_age: '3600' })).left).toBe(true)
    expect((await visit({ max_age: '60' })).heading).toBe('Sign in')
  })

  test('a wrong password leaves the session as it was, and the app without an answer', async () => {
    const page = await agent.press(await visit({ prompt: 'login' }), '#sign-in', {
      login: ada.email,
      password: 'wrong',
    })
    expect(page.status).toBe(422)
    expect(errorOf(await visit({ prompt: 'none' })).error).toBeNull()
  })

  test('does not end the refresh tokens that were given before', async () => {
    await agent.press(await visit({ prompt: 'login' }), '#sign-in', typed(ada))
    expect((await app.refresh(tokens.refresh_token ?? '')).access_token).toBeDefined()
  })

  test('a renewed ID token keeps the time of the sign-in', async () => {
    await later(100)
    const renewed = await app.refresh(tokens.refresh_token ?? '')
    expect(Number(renewed.claims()?.auth_time)).toBe(Number(tokens.claims()?.auth_time) - 100)
    expect(renewed.claims()).toMatchObject({ acr: password, amr: ['pwd'] })
  })
})

describe('acr', () => {
  test('an app that wishes for a password gets what it wished for', async () => {
    expect((await visit({ acr_values: password })).left).toBe(true)
  })

  test('the token never claims more than was proved, whatever the app asks for', async () => {
    const given = await complete({ acr_values: 'urn:example:gold' }, async (page) =>
      page.left ? page : agent.press(page, '#sign-in', typed(ada)),
    )
    expect(given.claims()).toMatchObject({ acr: password, amr: ['pwd'] })
  })

  test('that is essential and cannot be proved ends in an error at the app, not in a circle of sign-in pages', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: ['urn:example:gold'] } } })
    let page = await visit({ claims })
    for (let tries = 0; tries < 2 && !page.left; tries += 1) page = await agent.press(page, '#sign-in', typed(ada))
    expect(errorOf(page)).toEqual({ left: true, error: 'unmet_authentication_requirements' })
  })

  test('that is essential and was proved is no question', async () => {
    const claims = JSON.stringify({ id_token: { acr: { essential: true, values: [password] } } })
    expect((await visit({ claims })).url.searchParams.has('code')).toBe(true)
  })

  test('discovery names what can be proved, and nothing else', () => {
    expect(app.config.serverMetadata().acr_values_supported).toEqual([password])
  })
})

describe('who', () => {
  test('login_hint stands in the field, ready for the password', async () => {
    expect(loginShown(await visit({ login_hint: grace.email }, new UserAgent(provider.issuer)))).toBe(grace.email)
  })

  test('a login_hint is text and nothing else', async () => {
    const hostile = '"><script>alert(1)</script>'
    const page = await visit({ login_hint: hostile }, new UserAgent(provider.issuer))
    expect(loginShown(page)).toBe(hostile)
    const scripts = page.document.querySelectorAll('script').map(({ textContent }) => textContent)
    expect(scripts).toEqual([readFileSync('views/page.js', 'utf8')])
  })

  test('prompt=select_account offers who is signed in, and going on needs no password', async () => {
    const given = await complete({ prompt: 'select_account' }, (page) => {
      expect(page.heading).toBe('Choose an account')
      expect(page.text).toContain(ada.name)
      return agent.press(page, '#continue')
    })
    expect(given.claims()?.sub).toBe(tokens.claims()?.sub)
    expect(given.claims()?.auth_time).toBe(tokens.claims()?.auth_time)
  })

  test('prompt=select_account lets somebody else sign in instead', async () => {
    const given = await complete({ prompt: 'select_account' }, async (page) => {
      const form = await agent.follow(page, '#another')
      return agent.press(form, '#sign-in', typed(grace))
    })
    expect(given.claims()?.sub).not.toBe(tokens.claims()?.sub)
    expect((await complete({}, async (page) => page)).claims()?.sub).toBe(given.claims()?.sub)
  })

  test('prompt=select_account without a session is a sign-in', async () => {
    const page = await visit({ prompt: 'select_account' }, new UserAgent(provider.issuer))
    expect(page.heading).toBe('Sign in')
  })

  test('prompt=login with somebody else’s login_hint says who will be signed out', async () => {
    const page = await visit({ prompt: 'login', login_hint: grace.email })
    expect(loginShown(page)).toBe(grace.email)
    expect(page.text).toContain(ada.email)
    const arrived = await agent.press(page, '#sign-in', typed(grace))
    expect(arrived.url.searchParams.has('code')).toBe(true)
  })

  test('cancelling returns to the app with access_denied', async () => {
    const page = await visit({ prompt: 'login' })
    expect(errorOf(await agent.press(page, '#cancel'))).toEqual({ left: true, error: 'access_denied' })
  })
})

describe('ui_locales', () => {
  const langOf = ({ document }: VisitedPage) => document.querySelector('html')?.getAttribute('lang')

  test.each([
    ['de', 'de'],
    ['fr-CH de-AT en', 'de'],
    ['tlh', 'en'],
  ])('a wish for %s shows the pages in %s', async (wish, lang) => {
    expect(langOf(await visit({ prompt: 'login', ui_locales: wish }))).toBe(lang)
  })

  test('holds over a wrong password and on the consent page', async () => {
    const client = await addClient(provider, { preset: 'spa', redirectUris: [redirectUri] })
    const guest = await relyingParty(provider.issuer, client, { redirectUri })
    const fresh = new UserAgent(provider.issuer)
    const page = await fresh.visit((await guest.start({ ui_locales: 'de' })).url)
    const again = await fresh.press(page, '#sign-in', { login: ada.email, password: 'falsch' })
    expect(langOf(again)).toBe('de')
    const consent = await fresh.press(again, '#sign-in', typed(ada))
    expect(consent.document.querySelector('#allow')).not.toBeNull()
    expect(langOf(consent)).toBe('de')
  })
})
