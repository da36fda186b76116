/** The cookie in a real Chromium: an app on the site of its issuer (localhost, other ports) and pages elsewhere. */
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { Page } from 'playwright-core'
import { startApi } from '../../../examples/api/server.ts'
import { startSpa } from '../../../examples/spa/server.ts'
import { startCallback } from '../../harness/callback.ts'
import { type Chromium, openChromium } from '../../harness/chromium.ts'
import { freePort } from '../../harness/free-port.ts'
import { addApi, addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

interface Answer {
  status: number
  body: Record<string, unknown>
}

let provider: Provider
let chromium: Chromium
let person: Person
/** Pages of the app on the issuer's site, of a neighbour on that site, and of the app on another site. */
let home: string
let neighbour: string
let abroad: string
let clientId: string
let spaUrl: string
let app: PlainClient
const stops: (() => Promise<unknown>)[] = []

beforeAll(async () => {
  const [spaPort, apiPort] = [await freePort(), await freePort()]
  const [first, second] = await Promise.all([startCallback(), startCallback()])
  ;[provider, chromium] = await Promise.all([startProvider(), openChromium()])
  stops.push(first.stop, second.stop, provider.stop, chromium.close)
  home = new URL(first.redirectUri).origin.replace('127.0.0.1', 'localhost')
  neighbour = new URL(second.redirectUri).origin.replace('127.0.0.1', 'localhost')
  abroad = new URL(first.redirectUri).origin
  spaUrl = `http://localhost:${spaPort}`
  const apiUrl = `http://localhost:${apiPort}`
  await addApi(provider, apiUrl, ['orders:read'])
  const inCookie = ['--refresh-delivery', 'cookie']
  const [added, plain, example] = await Promise.all([
    addPerson(provider),
    addClient(provider, {
      preset: 'spa',
      firstParty: true,
      redirectUris: [`${home}/callback`],
      // Registered, and yet on another site than the issuer.
      more: ['--origin', abroad, ...inCookie],
    }),
    addClient(provider, {
      preset: 'spa',
      firstParty: true,
      redirectUris: [`${spaUrl}/callback`],
      postLogoutRedirectUris: [`${spaUrl}/`],
      apis: [apiUrl],
      more: inCookie,
    }),
  ])
  person = added
  clientId = plain.client_id
  const { issuer, port } = provider
  app = new PlainClient(plain, { issuer, port: () => port, redirectUri: `${home}/callback` })
  const api = await startApi({ port: apiPort, issuer, audience: apiUrl, spaOrigin: spaUrl })
  const spa = await startSpa({
    port: spaPort,
    issuer,
    clientId: example.client_id,
    apiUrl,
    refreshDelivery: 'cookie',
  })
  stops.push(api.stop, spa.stop)
}, 120_000)

afterAll(async () => {
  for (const stop of stops.reverse()) await stop()
})

const withPage: Chromium['withPage'] = (act) => chromium.withPage(act)

type Credentials = 'include' | 'same-origin'

/** What a script of that page gets; undefined when the browser withholds the answer. */
const post = (
  page: Page,
  path: string,
  fields: Record<string, string>,
  credentials: Credentials = 'include',
): Promise<Answer | undefined> =>
  page.evaluate(
    async ([url, form, included]) => {
      try {
        const answer = await fetch(url, { method: 'POST', credentials: included, body: new URLSearchParams(form) })
        const text = await answer.text()
        return { status: answer.status, body: text === '' ? {} : JSON.parse(text) }
      } catch {
        return undefined
      }
    },
    [provider.url(path), { client_id: clientId, ...fields }, credentials] as const,
  )

const renew = (page: Page) => post(page, '/token', { grant_type: 'refresh_token' })

async function fillIn(page: Page): Promise<void> {
  await page.fill('input[name="login"]', person.email)
  await page.fill('input[name="password"]', person.password)
  await page.click('#sign-in')
}

/** Signs in at the app's page and redeems the code there. */
async function signIn(page: Page, credentials: Credentials = 'include'): Promise<Answer | undefined> {
  const { url, verifier } = app.start()
  await page.goto(url.href)
  await fillIn(page)
  await page.waitForURL(`${home}/callback**`)
  const code = new URL(page.url()).searchParams.get('code') ?? ''
  const exchange = { grant_type: 'authorization_code', code, redirect_uri: `${home}/callback`, code_verifier: verifier }
  return post(page, '/token', exchange, credentials)
}

const tokens = { status: 200, body: { access_token: expect.any(String) } }

describe('a page of the app on the site of the issuer', () => {
  test('renews three times with credentials, and no script sees the token: not in the answer, not in document.cookie', () =>
    withPage(async (page, { context }) => {
      const answers = [await signIn(page), await renew(page), await renew(page), await renew(page)]
      for (const answer of answers) {
        expect(answer).toMatchObject(tokens)
        expect(answer?.body).not.toHaveProperty('refresh_token')
      }
      const [cookie, another] = (await context.cookies()).filter(({ name }) => name.includes('refresh'))
      expect(another).toBeUndefined()
      expect(cookie).toMatchObject({ path: '/token', httpOnly: true, sameSite: 'Strict', expires: -1 })
      for (const address of [`${home}/callback`, `${home}/token`, provider.url('/token/x')]) {
        await page.goto(address)
        expect(await page.evaluate('document.cookie')).not.toContain('refresh')
      }
    }))

  test('that forgets credentials when it redeems the code renews nothing: the browser kept no cookie', () =>
    withPage(async (page) => {
      expect(await signIn(page, 'same-origin')).toMatchObject(tokens)
      expect(await renew(page)).toMatchObject({ status: 400, body: { error: 'invalid_grant' } })
    }))

  test('revokes what it cannot see', () =>
    withPage(async (page, { context }) => {
      await signIn(page)
      expect(await post(page, '/token/revocation', {})).toMatchObject({ status: 200 })
      expect((await context.cookies()).filter(({ name }) => name.includes('refresh'))).toEqual([])
      expect(await renew(page)).toMatchObject({ status: 400 })
    }))
})

async function opened(page: Page, address: string): Promise<Page> {
  await page.goto(address)
  return page
}

describe('in the same browser', () => {
  test('a page on another site gets nothing, although its origin is registered', () =>
    withPage(async (page, browser) => {
      await signIn(page)
      const foreign = await opened(await browser.newPage(), `${abroad}/callback`)
      expect(await renew(foreign)).toMatchObject({ status: 400, body: { error: 'invalid_request' } })
      expect(await post(foreign, '/token/revocation', {})).toMatchObject({ status: 400 })
      expect(await renew(page)).toMatchObject(tokens)
    }))

  test('a page of a neighbour on the same site reads nothing, and the token is not spent', () =>
    withPage(async (page, browser) => {
      await signIn(page)
      const other = await opened(await browser.newPage(), `${neighbour}/callback`)
      expect(await renew(other)).toBeUndefined()
      expect(await post(other, '/token/revocation', {})).toBeUndefined()
      expect(await renew(page)).toMatchObject(tokens)
    }))

  test('a form that a neighbour posts changes nothing', () =>
    withPage(async (page, browser) => {
      await signIn(page)
      const before = await browser.context.cookies()
      const other = await opened(await browser.newPage(), `${neighbour}/callback`)
      await other.setContent(`<form method="post" action="${provider.url('/token')}">
        <input name="client_id" value="${clientId}"><input name="grant_type" value="refresh_token"><button>Go</button>`)
      await other.click('button')
      await other.waitForURL(provider.url('/token'))
      expect(await other.textContent('body')).not.toContain('access_token')
      expect(await browser.context.cookies()).toEqual(before)
      expect(await renew(page)).toMatchObject(tokens)
    }))
})

describe('the example app', () => {
  const signedIn = '#signed-in:not([hidden])'

  async function start(page: Page): Promise<void> {
    await page.goto(spaUrl)
    await page.click('#sign-in')
    await fillIn(page)
    await page.waitForSelector(signedIn)
  }

  test('renews three times, calls its API, and keeps no token anywhere in the page', () =>
    withPage(async (page) => {
      await start(page)
      for (const times of ['once', '2 times', '3 times']) {
        await page.click('#renew')
        await page.getByText(`(renewed ${times})`).waitFor()
      }
      await page.click('#call-api')
      await page.waitForSelector('#answer:not([hidden])')
      expect(await page.textContent('#api-status')).toBe('200 OK')
      const stored = await page.evaluate(
        'JSON.stringify([{ ...sessionStorage }, { ...localStorage }, document.cookie])',
      )
      expect(stored).not.toMatch(/eyJ|token/)
    }))

  test('goes on after a reload and in a second tab by the cookie alone', () =>
    withPage(async (page, browser) => {
      await start(page)
      await page.reload()
      await page.waitForSelector(signedIn)
      const tab = await browser.newPage()
      await tab.goto(spaUrl)
      await tab.waitForSelector(signedIn)
      expect(await tab.textContent('#email')).toBe(person.email)
    }))

  test('signs out: the cookie goes, and a reload starts signed out', () =>
    withPage(async (page, { context }) => {
      await start(page)
      await page.click('#sign-out')
      await page.waitForURL(`${spaUrl}/`)
      await page.waitForSelector('#signed-out:not([hidden])')
      expect((await context.cookies()).filter(({ name }) => name.includes('refresh'))).toEqual([])
    }))
})
