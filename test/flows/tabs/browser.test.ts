/** Double clicks, Back and second tabs in a real Chromium without JavaScript. */
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { type CallbackServer, startCallback } from '../../harness/callback.ts'
import { type Chromium, openChromium, type PersonsBrowser } from '../../harness/chromium.ts'
import { eventually } from '../../harness/eventually.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

let callback: CallbackServer
let provider: Provider
let chromium: Chromium
let ada: Person
let grace: Person
let app: RelyingParty
let guest: RelyingParty

beforeAll(async () => {
  ;[provider, chromium, callback] = await Promise.all([startProvider(), openChromium(), startCallback()])
  const { redirectUri } = callback
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
}, 60_000)

afterAll(async () => {
  await chromium?.close()
  await callback?.stop()
  await provider?.stop()
})

async function withBrowser(act: (browser: PersonsBrowser) => Promise<void>): Promise<void> {
  const browser = await chromium.person({ javaScriptEnabled: false })
  try {
    await act(browser)
  } finally {
    await browser.close()
  }
}

async function openSignIn(browser: PersonsBrowser, at = app): Promise<Page> {
  const page = await browser.newPage()
  await page.goto((await at.start()).url.href)
  return page
}

async function fill(page: Page, { email, password }: Person): Promise<void> {
  await page.fill('input[name="login"]', email)
  await page.fill('input[name="password"]', password)
}

/** Asked, not waited for: a press that overtakes another aborts its navigation, which Playwright would take for the end. */
async function expectAtApp(page: Page): Promise<void> {
  await eventually(() => page.url().startsWith(callback.redirectUri) || undefined, { tries: 300 })
  expect(page.url()).toContain(`${callback.redirectUri}?`)
  expect(new URL(page.url()).searchParams.get('code')).toBeTruthy()
}

/** Two submissions 50 ms apart; the first answer may take the page away under the second. */
async function pressTwice(page: Page, button: string): Promise<void> {
  const { x = 0, y = 0, width = 0, height = 0 } = (await page.locator(button).boundingBox()) ?? {}
  await page.mouse.click(x + width / 2, y + height / 2, { clickCount: 2, delay: 5 })
  await page.waitForTimeout(50)
  await page.mouse.click(x + width / 2, y + height / 2)
}

test('a sign-in that is clicked three times in a row ends at the app', () =>
  withBrowser(async (browser) => {
    const page = await openSignIn(browser)
    await fill(page, ada)
    await pressTwice(page, '#sign-in')
    await expectAtApp(page)
  }))

test('a consent that is clicked three times in a row ends at the app', () =>
  withBrowser(async (browser) => {
    const page = await openSignIn(browser, guest)
    await fill(page, ada)
    await page.click('#sign-in')
    await page.waitForSelector('#allow')
    await pressTwice(page, '#allow')
    await expectAtApp(page)
  }))

test('Back after the sign-in shows a page that leads to the app', () =>
  withBrowser(async (browser) => {
    const page = await openSignIn(browser)
    await fill(page, ada)
    await page.click('#sign-in')
    await expectAtApp(page)
    await page.goBack()
    expect(page.url()).toContain(provider.issuer)
    await page.reload()
    await page.click('#continue')
    await expectAtApp(page)
  }))

test('two tabs with two people: the second one chooses, and ends at the app', () =>
  withBrowser(async (browser) => {
    const [first, second] = [await openSignIn(browser), await openSignIn(browser)]
    await fill(first, ada)
    await first.click('#sign-in')
    await expectAtApp(first)
    await fill(second, grace)
    await second.click('#sign-in')
    expect((await second.textContent('h1'))?.trim()).toBe('Another person is signed in')
    await second.click('#switch')
    await expectAtApp(second)
  }))
