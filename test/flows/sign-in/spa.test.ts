/** The example single-page app, on another site than the provider, in a Chromium that blocks third-party cookies. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { startApi } from '../../../examples/api/server.ts'
import { startSpa } from '../../../examples/spa/server.ts'
import { seriousFaults } from '../../harness/accessibility.ts'
import { type Chromium, openChromium } from '../../harness/chromium.ts'
import { freePort } from '../../harness/free-port.ts'
import { addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

let provider: Provider
let chromium: Chromium
let person: Person
let spaUrl: string
const stops: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const [spaPort, apiPort] = [await freePort(), await freePort()]
  // 127.0.0.1 and localhost are two sites to a browser: the provider is a third party to the app.
  spaUrl = `http://127.0.0.1:${spaPort}`
  const apiUrl = `http://127.0.0.1:${apiPort}`
  ;[provider, chromium] = await Promise.all([startProvider(), openChromium()])
  stops.push(provider.stop, chromium.close)
  await addApi(provider, apiUrl, ['orders:read'])
  const wishes = {
    preset: 'spa' as const,
    firstParty: true,
    redirectUris: [`${spaUrl}/callback`],
    postLogoutRedirectUris: [`${spaUrl}/`],
    apis: [apiUrl],
  }
  const [added, client] = await Promise.all([addPerson(provider), addClient(provider, wishes)])
  person = added
  const { issuer } = provider
  const api = await startApi({ port: apiPort, issuer, audience: apiUrl, spaOrigin: spaUrl })
  const spa = await startSpa({ port: spaPort, issuer, clientId: client.client_id, apiUrl })
  stops.push(api.stop, spa.stop)
}, 60_000)

afterAll(async () => {
  for (const stop of stops.reverse()) await stop()
})

const withPage: Chromium['withPage'] = (act) => chromium.withPage(act)

async function signIn(page: Page): Promise<void> {
  await page.goto(spaUrl)
  await page.click('#sign-in')
  await page.fill('input[name="login"]', person.email)
  await page.fill('input[name="password"]', person.password)
  await page.click('#sign-in')
  await page.waitForSelector('#signed-in:not([hidden])')
}

describe('a single-page app with third-party cookies blocked', () => {
  test('signs in, shows who is there, and an API accepts its token', () =>
    withPage(async (page) => {
      await signIn(page)
      expect(page.url()).toBe(`${spaUrl}/`)
      expect(await page.textContent('#who')).toBe(person.name)
      expect(await page.textContent('#email')).toBe(person.email)
      await page.click('#call-api')
      await page.waitForSelector('#answer:not([hidden])')
      expect(await page.textContent('#api-status')).toBe('200 OK')
      expect(await seriousFaults(page)).toEqual([])
    }))

  test('renews its token three times without a frame, each time with an ID token, and the API accepts the last one', () =>
    withPage(async (page) => {
      await signIn(page)
      for (const times of ['once', '2 times', '3 times']) {
        const answered = page.waitForResponse((response) => new URL(response.url()).pathname === '/token')
        await page.click('#renew')
        await page.getByText(`(renewed ${times})`).waitFor()
        const answer = (await (await answered).json()) as Record<string, string>
        expect(answer['id_token']).toMatch(/^eyJ/)
        expect(answer['scope']?.split(' ')).toEqual(expect.arrayContaining(['openid', 'orders:read']))
      }
      expect(page.frames()).toHaveLength(1)
      await page.click('#call-api')
      await page.waitForSelector('#answer:not([hidden])')
      expect(await page.textContent('#api-status')).toBe('200 OK')
    }))

  test('stays signed in over a reload', () =>
    withPage(async (page) => {
      await signIn(page)
      await page.reload()
      await page.waitForSelector('#signed-in:not([hidden])')
    }))

  test('a second tab signs in without a password', () =>
    withPage(async (page, browser) => {
      await signIn(page)
      const tab = await browser.newPage()
      await tab.goto(spaUrl)
      await tab.click('#sign-in')
      await tab.waitForSelector('#signed-in:not([hidden])')
    }))

  test('signs out at the provider, too: the next sign-in asks for the password', () =>
    withPage(async (page) => {
      await signIn(page)
      await page.click('#sign-out')
      await page.click('form #sign-out')
      await page.waitForURL(`${spaUrl}/**`)
      await page.waitForSelector('#signed-out:not([hidden])')
      await page.click('#sign-in')
      await page.waitForSelector('input[name="password"]')
    }))
})
