/** Sign-in pages that are over: each leads back to the app. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { artifactModels } from '../../../src/storage/protocol/artifact-models.ts'
import { submissionOf } from '../../harness/form.ts'
import { days, letTimePass } from '../../harness/later.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { signIn } from '../../harness/sign-in.ts'
import { UserAgent, type VisitedPage } from '../../harness/user-agent.ts'

const redirectUri = 'https://app.example/callback'
const startUri = 'https://app.example/start'
const typed = (person: Person) => ({ login: person.email, password: person.password })
const { Interaction, InteractionTrail } = artifactModels

let provider: Provider
let person: Person
let app: RelyingParty
let guest: RelyingParty

beforeAll(async () => {
  provider = await startProvider()
  const common = { preset: 'spa' as const, redirectUris: [redirectUri], more: ['--start-uri', startUri] }
  const [added, first, third] = await Promise.all([
    addPerson(provider),
    addClient(provider, { ...common, name: 'Orchard', firstParty: true }),
    addClient(provider, { ...common, name: 'Guest house' }),
  ])
  person = added
  app = await relyingParty(provider.issuer, first, { redirectUri })
  guest = await relyingParty(provider.issuer, third, { redirectUri })
})

afterAll(() => provider?.stop())

const browser = () => new UserAgent(provider.issuer)
const openPage = async (agent: UserAgent): Promise<VisitedPage> => agent.visit((await app.start()).url)
const uidOf = (page: VisitedPage): string => /\/interaction\/([\w-]+)/.exec(page.url.pathname)?.[1] ?? ''
/** Interactions are over; what is remembered of them ages with them. */
const later = (seconds: number) =>
  letTimePass(provider.databaseUrl, seconds, { models: [Interaction, InteractionTrail] })

interface Seen {
  status: number
  headers: VisitedPage['headers']
  text: string
}

/** A page for people: no JSON, no stack, no fault of ours. */
function expectPlainPage({ status, headers, text }: Seen): void {
  expect(status).toBeLessThan(500)
  expect(headers['content-type']).toMatch(/^text\/html/)
  expect(text).toMatch(/<h1>[^<]+<\/h1>/)
  expect(text).not.toMatch(/^\s*[{[]|"error"|node_modules|\.ts:\d+|\bat .+:\d+:\d+/)
}

/** Names the app, with one button that starts a new sign-in there. */
function expectWayBack(page: Seen, name = 'Orchard'): void {
  expectPlainPage(page)
  expect(page.text).toContain(name)
  const main = page.text.slice(page.text.indexOf('<h1'), page.text.indexOf('<footer'))
  const ways = [...main.matchAll(/<(?:a|button)\b[^>]*>/g)].map(([tag]) => tag)
  expect(ways).toHaveLength(1)
  expect(ways[0]).toContain(`href="${startUri}"`)
}

describe('a sign-in page that has expired', () => {
  test('names the app and has one button to its start address, when it is looked at and when it is posted', async () => {
    const agent = browser()
    const page = await openPage(agent)
    await later(3700)
    expectWayBack(await agent.visit(page.url))
    const posted = await agent.press(page, '#sign-in', typed(person))
    expectWayBack(posted)
    expect(posted.left).toBe(false)
  })

  test('is remembered for a day after its expiry, and still answered with a page after that', async () => {
    const agent = browser()
    const page = await openPage(agent)
    await later(3600 + days(1) - 60)
    expectWayBack(await agent.visit(page.url))
    expectWayBack(await agent.press(page, '#sign-in', typed(person)))
    await later(days(1))
    expectPlainPage(await agent.visit(page.url))
  })

  test('leads back from the address of the next step, too', async () => {
    const agent = browser()
    const page = await openPage(agent)
    await later(3700)
    for (const method of ['GET', 'POST']) {
      expectWayBack(
        await agent.send(method, provider.url(`/auth/${uidOf(page)}`), method === 'POST' ? { body: 'a=b' } : {}),
      )
    }
  })

  test('a consent page that has expired leads back to its app', async () => {
    const agent = browser()
    const page = await signIn(agent, (await guest.start()).url, person)
    expect(page.document.querySelector('#allow')).not.toBeNull()
    await later(3700)
    expectWayBack(await agent.press(page, '#allow'), 'Guest house')
  })
})

describe('a sign-in page that was answered', () => {
  test('Back and a second submit lead on to the app', async () => {
    const agent = browser()
    const page = await openPage(agent)
    expect((await agent.press(page, '#sign-in', typed(person))).left).toBe(true)
    const back = await agent.visit(page.url)
    expectPlainPage(back)
    expect(back.text).toContain('Orchard')
    expect((await agent.follow(back, '#continue')).url.href).toContain(`${redirectUri}?code=`)
    expect((await agent.press(page, '#sign-in', typed(person))).url.href).toContain(`${redirectUri}?code=`)
  })

  test('an hour later Back and a second submit name the app and lead to its start address', async () => {
    const agent = browser()
    const page = await openPage(agent)
    await agent.press(page, '#sign-in', typed(person))
    await later(3700)
    expectWayBack(await agent.visit(page.url))
    expectWayBack(await agent.press(page, '#sign-in', typed(person)))
  })

  test('reloading the address of the next step ends in the app, or on the way back to it', async () => {
    const agent = browser()
    const page = await openPage(agent)
    await agent.press(page, '#sign-in', typed(person))
    const resume = provider.url(`/auth/${uidOf(page)}`)
    const again = await agent.visit(resume)
    expect(again.url.href).toContain(`${redirectUri}?code=`)
    await later(120)
    expectWayBack(await agent.visit(resume))
  })
})

describe('the address of the next step of a sign-in that is over, without the cookies of that sign-in', () => {
  const ends: [string, (agent: UserAgent, page: VisitedPage) => Promise<VisitedPage>][] = [
    ['finished', (agent, page) => agent.press(page, '#sign-in', typed(person))],
    ['denied', (agent, page) => agent.press(page, '#cancel')],
  ]

  test.each(ends)(
    '%s a moment ago: the page names the app and does not redirect to it with the state',
    async (_how, end) => {
      const agent = browser()
      const page = await openPage(agent)
      expect((await end(agent, page)).left).toBe(true)
      for (const method of ['GET', 'POST']) {
        const answer = await browser().send(method, provider.url(`/auth/${uidOf(page)}`), {
          ...(method === 'POST' ? { body: 'a=b' } : {}),
        })
        expect([answer.status, answer.headers.location]).toEqual([400, undefined])
        expectWayBack(answer)
        expect(answer.text).not.toContain('state=')
      }
    },
  )

  test.each(ends)('%s a moment ago: a browser with a session of its own stays here, too', async (_how, end) => {
    const [agent, other] = [browser(), browser()]
    await other.press(await openPage(other), '#sign-in', typed(person))
    const page = await openPage(agent)
    await end(agent, page)
    expectWayBack(await other.visit(provider.url(`/auth/${uidOf(page)}`)))
  })

  test('answered, but not gone on with: it names the app', async () => {
    const agent = browser()
    const page = await openPage(agent)
    const resumeOnly = new UserAgent(provider.issuer, { cookies: agent.cookies.copy() })
    const asked = page.document.querySelector('#sign-in')
    const { url, fields } = submissionOf(page, asked as never, typed(person))
    const headers = { origin: new URL(provider.issuer).origin, 'sec-fetch-site': 'same-origin' }
    expect((await agent.send('POST', url, { body: fields.toString(), headers })).status).toBe(303)
    expectWayBack(await resumeOnly.visit(provider.url(`/auth/${uidOf(page)}`)))
  })

  test('not answered yet: the browser that began it is led back to the question', async () => {
    const agent = browser()
    const page = await openPage(agent)
    const back = await agent.visit(provider.url(`/auth/${uidOf(page)}`))
    expect([back.url.href, back.heading]).toEqual([page.url.href, 'Sign in'])
    expect((await agent.press(back, '#sign-in', typed(person))).left).toBe(true)
  })
})

describe('a sign-in page in a browser that did not ask for it', () => {
  test.each(['GET', 'POST'])(
    'a bookmark, another browser, or cookies that are gone: %s names the app',
    async (method) => {
      const page = await openPage(browser())
      for (const path of [`/interaction/${uidOf(page)}`, `/interaction/${uidOf(page)}/login`, `/auth/${uidOf(page)}`]) {
        const stranger = browser()
        const options = method === 'POST' ? { body: 'login=a&password=b', headers: { origin: provider.issuer } } : {}
        expectWayBack(await stranger.send(method, provider.url(path), options))
      }
    },
  )

  test('the first browser goes on unharmed', async () => {
    const agent = browser()
    const page = await openPage(agent)
    await browser().visit(page.url)
    await browser().visit(provider.url(`/auth/${uidOf(page)}`))
    expect((await agent.press(page, '#sign-in', typed(person))).left).toBe(true)
  })

  test.each(['GET', 'POST'])('a made-up page of this kind: %s is a plain page', async (method) => {
    for (const path of ['/interaction/never-was', '/interaction/never-was/login', '/auth/never-was']) {
      expectPlainPage(
        await browser().send(
          method,
          provider.url(path),
          method === 'POST' ? { body: 'a=b', headers: { origin: provider.issuer } } : {},
        ),
      )
    }
  })

  test('a browser says it takes JSON, too: a person still gets a page', async () => {
    const page = await openPage(browser())
    const stranger = new UserAgent(provider.issuer, { headers: { accept: 'text/html,application/json,*/*;q=0.8' } })
    expectWayBack(await stranger.visit(page.url))
  })
})
