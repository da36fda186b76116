/** The provider's own pages as a person meets them in Chromium: without scripts, by keyboard, with assistive technology. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { seriousFaults } from '../../harness/accessibility.ts'
import { type CallbackServer, startCallback } from '../../harness/callback.ts'
import { type Chromium, openChromium } from '../../harness/chromium.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { type RelyingParty, relyingParty } from '../../harness/relying-party.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

let callback: CallbackServer
let provider: Provider
let chromium: Chromium
let person: Person
let ours: RelyingParty
let theirs: RelyingParty

beforeAll(async () => {
  ;[provider, chromium, callback] = await Promise.all([startProvider(), openChromium(), startCallback()])
  const { redirectUri } = callback
  const app = { preset: 'spa' as const, redirectUris: [redirectUri] }
  const [added, first, third] = await Promise.all([
    addPerson(provider),
    addClient(provider, { ...app, name: 'House app', firstParty: true }),
    addClient(provider, { ...app, name: 'Guest app' }),
  ])
  person = added
  ours = await relyingParty(provider.issuer, first, { redirectUri })
  theirs = await relyingParty(provider.issuer, third, { redirectUri })
}, 60_000)

afterAll(async () => {
  await chromium?.close()
  await callback?.stop()
  await provider?.stop()
})

async function withPage(options: BrowserContextOptions, act: (page: Page) => Promise<void>): Promise<void> {
  const browser = await chromium.person(options)
  try {
    await act(await browser.newPage())
  } finally {
    await browser.close()
  }
}

/** Waits until the browser is at the app and tells what it was sent there with. */
async function arrival(page: Page): Promise<URLSearchParams> {
  await page.waitForURL(`${callback.redirectUri}**`)
  return new URL(page.url()).searchParams
}

async function fillSignIn(page: Page, password = person.password): Promise<void> {
  await page.fill('input[name="login"]', person.email)
  await page.fill('input[name="password"]', password)
  await page.click('#sign-in')
}

const heading = (page: Page) => page.textContent('h1').then((text) => text?.trim())

describe('without JavaScript', () => {
  const noScript = { javaScriptEnabled: false }

  test('a person signs in and the browser follows all the way to the app', () =>
    withPage(noScript, async (page) => {
      await page.goto((await ours.start()).url.href)
      expect(await heading(page)).toBe('Sign in')
      await fillSignIn(page)
      expect((await arrival(page)).get('code')).toBeTruthy()
    }))

  test('a person allows what a guest app asks for, and it gets its code', () =>
    withPage(noScript, async (page) => {
      await page.goto((await theirs.start({ prompt: 'consent' })).url.href)
      await fillSignIn(page)
      await page.click('#allow')
      expect((await arrival(page)).get('code')).toBeTruthy()
    }))

  test('a person denies what a guest app asks for, and it learns only that', () =>
    withPage(noScript, async (page) => {
      await page.goto((await theirs.start({ prompt: 'consent' })).url.href)
      await fillSignIn(page)
      await page.click('#deny')
      const sent = await arrival(page)
      expect(sent.get('error')).toBe('access_denied')
      expect(sent.get('code')).toBeNull()
    }))
})

describe('axe finds nothing serious', () => {
  const schemes = ['light', 'dark'] as const

  test.each(schemes)('on the sign-in page and after a wrong password (%s)', (colorScheme) =>
    withPage({ colorScheme }, async (page) => {
      await page.goto((await ours.start()).url.href)
      expect(await seriousFaults(page)).toEqual([])
      await fillSignIn(page, 'not the one it is')
      expect(await page.getAttribute('input[name="login"]', 'value')).toBe(person.email)
      expect(await page.locator('[role="alert"]').count()).toBe(1)
      expect(await seriousFaults(page)).toEqual([])
    }),
  )

  test.each(schemes)('on the consent page (%s)', (colorScheme) =>
    withPage({ colorScheme }, async (page) => {
      await page.goto((await theirs.start({ prompt: 'consent' })).url.href)
      await fillSignIn(page)
      await page.waitForSelector('#allow')
      expect(await seriousFaults(page)).toEqual([])
    }),
  )

  test.each(schemes)('on the sign-out and signed-out pages (%s)', (colorScheme) =>
    withPage({ colorScheme }, async (page) => {
      await page.goto((await ours.start()).url.href)
      await fillSignIn(page)
      await arrival(page)
      await page.goto(ours.signOutUrl({}).href)
      expect(await seriousFaults(page)).toEqual([])
      await page.click('#sign-out')
      expect(await heading(page)).toBe('Signed out')
      expect(await seriousFaults(page)).toEqual([])
    }),
  )

  test.each(schemes)('on the page of a request that cannot be completed (%s)', (colorScheme) =>
    withPage({ colorScheme }, async (page) => {
      const { url } = await ours.start({ redirect_uri: 'https://elsewhere.example/' })
      await page.goto(url.href)
      expect(await heading(page)).toBe('This request cannot be completed')
      expect(await seriousFaults(page)).toEqual([])
    }),
  )

  test.each(schemes)('on the landing page (%s)', (colorScheme) =>
    withPage({ colorScheme }, async (page) => {
      await page.goto(provider.url('/'))
      expect(await seriousFaults(page)).toEqual([])
    }),
  )
})
