/** Double clicks, several tabs, two people in one browser. */
import { setTimeout as wait } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty, type StartedSignIn } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signInTo } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'

let provider: Provider
let ada: Person
let grace: Person
let app: RelyingParty
let guest: RelyingParty

beforeAll(async () => {
  provider = await startProvider()
  const common = { preset: 'spa' as const, redirectUris: [redirectUri] }
  const [one, two, first, third] = await Promise.all([
    addPerson(provider),
    addPerson(provider, { name: 'Grace Hopper', email: 'grace@example.com' }),
    addClient(provider, { ...common, firstParty: true }),
    addClient(provider, common),
  ])
  ;[ada, grace] = [one, two]
  app = await relyingParty(provider.issuer, first, { redirectUri })
  guest = await relyingParty(provider.issuer, third, { redirectUri })
})

afterAll(() => provider?.stop())

interface Tab {
  app: RelyingParty
  started: StartedSignIn
  page: VisitedPage
}

async function openTab(agent: UserAgent, at: RelyingParty = app): Promise<Tab> {
  // The guest is asked for consent each time, though the answer is remembered.
  const started = await at.start(at === guest ? { prompt: 'consent' } : {})
  return { app: at, started, page: await agent.visit(started.url) }
}

const typed = ({ email, password }: Person) => ({ login: email, password })

/** The tab's app takes its own code: state, nonce and verifier are those it began with. */
async function expectTokens({ app: at, started }: Tab, arrived: VisitedPage, person?: Person): Promise<void> {
  expect(arrived.left).toBe(true)
  const tokens = await at.finish(arrived.url, started)
  expect(tokens.access_token).toBeDefined()
  if (person) {
    const claims = await at.userinfo(tokens.access_token, tokens.claims()?.sub ?? '')
    expect(claims.email).toBe(person.email)
  }
}

describe('a form that is sent twice', () => {
  test('two posts of one sign-in 50 ms apart, without JavaScript, both end at the app', async () => {
    const agent = new UserAgent(provider.issuer)
    const tab = await openTab(agent)
    const first = agent.press(tab.page, '#sign-in', typed(ada))
    await wait(50)
    const second = agent.press(tab.page, '#sign-in', typed(ada))
    const [one, two] = await Promise.all([first, second])
    for (const arrived of [one, two]) expect(arrived.url.href).toContain(`${redirectUri}?code=`)
    await expectTokens(tab, two, ada)
  })

  test('two posts at the very same moment both end at the app', async () => {
    const agent = new UserAgent(provider.issuer)
    const tab = await openTab(agent)
    const arrivals = await Promise.all([1, 2].map(() => agent.press(tab.page, '#sign-in', typed(ada))))
    for (const arrived of arrivals) expect(arrived.url.href).toContain(`${redirectUri}?code=`)
  })

  test('two presses of Allow both end at the app', async () => {
    const agent = new UserAgent(provider.issuer)
    const { page } = await openTab(agent, guest)
    const consent = await agent.press(page, '#sign-in', typed(ada))
    const first = agent.press(consent, '#allow')
    await wait(50)
    const arrivals = await Promise.all([first, agent.press(consent, '#allow')])
    for (const arrived of arrivals) expect(arrived.url.href).toContain(`${redirectUri}?code=`)
  })

  test('Allow and Deny pressed one after the other end at the app', async () => {
    const agent = new UserAgent(provider.issuer)
    const { page } = await openTab(agent, guest)
    const consent = await agent.press(page, '#sign-in', typed(ada))
    expect((await agent.press(consent, '#allow')).url.href).toContain(`${redirectUri}?code=`)
    const second = await agent.press(consent, '#deny')
    expect(second.url.href).toContain(redirectUri)
  })

  test('two presses of Deny, or of Cancel, both tell the app', async () => {
    const agent = new UserAgent(provider.issuer)
    const { page } = await openTab(agent, guest)
    const consent = await agent.press(page, '#sign-in', typed(ada))
    for (const arrived of [await agent.press(consent, '#deny'), await agent.press(consent, '#deny')]) {
      expect(arrived.url.href).toContain(`${redirectUri}?error=access_denied`)
    }
    const own = new UserAgent(provider.issuer)
    const tab = await openTab(own)
    for (const arrived of [await own.press(tab.page, '#cancel'), await own.press(tab.page, '#cancel')]) {
      expect(arrived.url.href).toContain(`${redirectUri}?error=access_denied`)
    }
  })

  test('a second submit that lands just when the first one has gone on still ends at the app', async () => {
    for (let pause = 0; pause < 30; pause += 1) {
      const agent = new UserAgent(provider.issuer)
      const { page } = await openTab(agent, guest)
      const consent = await agent.press(page, '#sign-in', typed(ada))
      const first = agent.press(consent, '#allow')
      await wait(pause)
      const arrivals = await Promise.all([first, agent.press(consent, '#allow')])
      for (const arrived of arrivals) expect(arrived.url.href).toContain(`${redirectUri}?code=`)
    }
  })

  test('a wrong password after the right one still ends at the app', async () => {
    const agent = new UserAgent(provider.issuer)
    const { page } = await openTab(agent)
    expect((await agent.press(page, '#sign-in', typed(ada))).left).toBe(true)
    const second = await agent.press(page, '#sign-in', { login: ada.email, password: 'mistyped by a hurried hand' })
    expect(second.url.href).toContain(`${redirectUri}?code=`)
  })
})

describe('an answer that another press overtook never reaches the browser', () => {
  /** Presses, and lets the browser forget what came of it, as it does with the cookies of an aborted navigation. */
  async function pressUnheard(agent: UserAgent, ...press: Parameters<UserAgent['press']>): Promise<void> {
    const overtaken = new UserAgent(provider.issuer, { cookies: agent.cookies.copy() })
    expect((await overtaken.press(...press)).left).toBe(true)
  }

  test('of a sign-in: the second press ends at the app, signed in', async () => {
    const agent = new UserAgent(provider.issuer)
    const tab = await openTab(agent)
    await pressUnheard(agent, tab.page, '#sign-in', typed(ada))
    await expectTokens(tab, await agent.press(tab.page, '#sign-in', typed(ada)), ada)
    expect((await openTab(agent)).page.left).toBe(true)
  })

  test('of a fresh sign-in over a session: the second press ends at the app', async () => {
    const agent = new UserAgent(provider.issuer)
    await agent.press((await openTab(agent)).page, '#sign-in', typed(ada))
    const started = await app.start({ prompt: 'login' })
    const tab = { app, started, page: await agent.visit(started.url) }
    await pressUnheard(agent, tab.page, '#sign-in', typed(ada))
    await expectTokens(tab, await agent.press(tab.page, '#sign-in', typed(ada)), ada)
  })

  test('of a consent: the second press ends at the app', async () => {
    const agent = new UserAgent(provider.issuer)
    const tab = await openTab(agent, guest)
    const consent = await agent.press(tab.page, '#sign-in', typed(ada))
    await pressUnheard(agent, consent, '#allow')
    await expectTokens(tab, await agent.press(consent, '#allow'), ada)
  })

  test('but nobody goes on with what has been signed out since', async () => {
    const agent = new UserAgent(provider.issuer)
    const { page } = await openTab(agent)
    await pressUnheard(agent, page, '#sign-in', typed(ada))
    await provider.cli(['users', 'sign-out', '--yes', ada.email])
    const arrived = await agent.press(page, '#sign-in', typed(ada))
    expect(arrived.left).toBe(false)
    expect(arrived.heading).toBe('Sign in')
  })
})

describe('several tabs', () => {
  test.each([
    ['the order they were opened in', [0, 1, 2, 3, 4]],
    ['the opposite order', [4, 3, 2, 1, 0]],
    ['any order', [2, 4, 0, 3, 1]],
  ])('five tabs at the sign-in page, sent in %s, all finish', async (_name, order) => {
    const agent = new UserAgent(provider.issuer)
    const tabs: Tab[] = []
    for (let index = 0; index < 5; index += 1) tabs.push(await openTab(agent, index === 3 ? guest : app))
    for (const index of order) {
      const tab = tabs[index] as Tab
      const next = await agent.press(tab.page, '#sign-in', typed(ada))
      await expectTokens(tab, next.left ? next : await agent.press(next, '#allow'), ada)
    }
  })

  test('five tabs sent at once all finish', async () => {
    const agent = new UserAgent(provider.issuer)
    const tabs: Tab[] = []
    for (let index = 0; index < 5; index += 1) tabs.push(await openTab(agent))
    const arrivals = await Promise.all(tabs.map(({ page }) => agent.press(page, '#sign-in', typed(ada))))
    for (const arrived of arrivals) expect(arrived.url.href).toContain(`${redirectUri}?code=`)
  })

  test('30 abandoned sign-ins leave a Cookie header below 4 KB, and the next one works', async () => {
    const agent = new UserAgent(provider.issuer)
    let last = await openTab(agent)
    for (let index = 0; index < 30; index += 1) last = await openTab(agent)
    for (const path of ['/auth', '/', last.page.url.pathname, `/auth${last.page.url.pathname.slice(12)}`]) {
      expect(agent.cookies.header(new URL(provider.url(path)))?.length ?? 0).toBeLessThan(4096)
    }
    await expectTokens(last, await agent.press(last.page, '#sign-in', typed(ada)), ada)
  })
})

describe('a second person in another tab', () => {
  async function bothInOneBrowser(): Promise<{ agent: UserAgent; tab: Tab; choice: VisitedPage }> {
    const agent = new UserAgent(provider.issuer)
    const [first, tab] = [await openTab(agent), await openTab(agent)]
    await expectTokens(first, await agent.press(first.page, '#sign-in', typed(ada)), ada)
    return { agent, tab, choice: await agent.press(tab.page, '#sign-in', typed(grace)) }
  }

  test('gets a page with the choice, which names both', async () => {
    const { choice } = await bothInOneBrowser()
    expect(choice.heading).toBe('Another person is signed in')
    for (const { name } of [ada, grace]) expect(choice.text).toContain(name)
  })

  test('may go on as the one who was there', async () => {
    const { agent, tab, choice } = await bothInOneBrowser()
    await expectTokens(tab, await agent.press(choice, '#continue'), ada)
  })

  test('may go on as themselves, and is who is signed in from then on', async () => {
    const { agent, tab, choice } = await bothInOneBrowser()
    await expectTokens(tab, await agent.press(choice, '#switch'), grace)
    const next = await openTab(agent)
    await expectTokens(next, next.page, grace)
  })

  test('who goes on as themselves has signed the other one out: their refresh token is refused', async () => {
    const agent = new UserAgent(provider.issuer)
    const tab = await openTab(agent)
    const tokens = await signInTo(app, agent, ada)
    const choice = await agent.press(tab.page, '#sign-in', typed(grace))
    expect((await agent.press(choice, '#switch')).left).toBe(true)
    await expect(app.refresh(tokens.refresh_token ?? '')).rejects.toMatchObject({ error: 'invalid_grant' })
  })

  test('a choice that is sent twice ends at the app twice', async () => {
    const { agent, choice } = await bothInOneBrowser()
    const arrivals = [await agent.press(choice, '#switch'), await agent.press(choice, '#switch')]
    for (const arrived of arrivals) expect(arrived.url.href).toContain(`${redirectUri}?code=`)
  })
})
