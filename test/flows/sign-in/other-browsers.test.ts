/** The example single-page app in other engines than Chromium, with third-party cookies blocked, where this machine has them. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import { startApi } from '../../../examples/api/server.ts'
import { startSpa } from '../../../examples/spa/server.ts'
import { findFirefox, openFirefox } from '../../harness/firefox.ts'
import { freePort } from '../../harness/free-port.ts'
import { addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { type Provider, startProvider } from '../../harness/server.ts'
import { type TabBrowser, WebPage } from '../../harness/web-page.ts'
import { findWebkit, openWebkit } from '../../harness/webkit.ts'

const engines = [
  { name: 'Firefox', found: findFirefox(), open: openFirefox },
  { name: 'WebKit', found: findWebkit(), open: openWebkit },
]

describe.each(engines)('$name', ({ name, found, open }) => {
  const where = found === undefined ? test.skip : test
  const why = found === undefined ? ` (skipped: there is no ${name} here)` : ''
  let provider: Provider
  let browser: TabBrowser
  let person: Person
  let spaUrl: string
  const stops: (() => Promise<unknown>)[] = []

  beforeAll(async () => {
    if (found === undefined) return
    const [spaPort, apiPort] = [await freePort(), await freePort()]
    // 127.0.0.1 and localhost are two sites to a browser: the provider is a third party to the app.
    spaUrl = `http://127.0.0.1:${spaPort}`
    const apiUrl = `http://127.0.0.1:${apiPort}`
    provider = await startProvider()
    stops.push(provider.stop)
    browser = await open(found)
    stops.push(browser.close)
    await addApi(provider, apiUrl, ['orders:read'])
    const client = await addClient(provider, {
      preset: 'spa',
      redirectUris: [`${spaUrl}/callback`],
      postLogoutRedirectUris: [`${spaUrl}/`],
      apis: [apiUrl],
    })
    person = await addPerson(provider)
    const { issuer } = provider
    const api = await startApi({ port: apiPort, issuer, audience: apiUrl, spaOrigin: spaUrl })
    const spa = await startSpa({ port: spaPort, issuer, clientId: client.client_id, apiUrl })
    stops.push(api.stop, spa.stop)
  })
  afterAll(async () => {
    for (const stop of stops.reverse()) await stop()
  })

  where(`signs in under our content policy, renews three times, and signs out at the provider${why}`, async () => {
    const page = new WebPage(await browser.newTab())
    await page.goto(spaUrl)
    await page.press('#sign-in')
    await page.fill('input[name="login"]', person.email)
    await page.fill('input[name="password"]', 'not the right password')
    await page.press('#sign-in')
    await page.see('[role="alert"]')
    await page.fill('input[name="password"]', person.password)
    await page.press('#sign-in')
    // A third party's app: the person is asked, then the form leads on to another site.
    await page.press('#allow')
    await page.see('#signed-in')
    expect((await page.url()).href).toBe(`${spaUrl}/`)
    expect(await page.text('#who')).toBe(person.name)

    for (const times of ['once', '2 times', '3 times']) {
      await page.press('#renew')
      await page.until(`"renewed ${times}"`, `document.body.innerText.includes('(renewed ${times})')`)
    }
    await page.press('#call-api')
    expect(await page.text('#api-status')).toBe('200 OK')

    await page.reload()
    await page.see('#signed-in')
    const other = new WebPage(await browser.newTab())
    await other.goto(spaUrl)
    await other.press('#sign-in')
    await other.see('#signed-in')

    await page.press('#sign-out')
    // The app forgets its person before the browser leaves it: only the provider's question tells that it left.
    await page.press('form #sign-out')
    await page.see('#signed-out')
    expect((await page.url()).origin).toBe(spaUrl)
    await page.press('#sign-in')
    await page.see('input[name="password"]')
  })
})
