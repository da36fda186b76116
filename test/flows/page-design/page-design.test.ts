/** How the pages look and behave in a real Chromium: sizes, steps, comforts, and what is left without them. */
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, test } from '@jest/globals'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { type Chromium, openChromium } from '../../harness/chromium.ts'
import { addApi, addClient, addPerson, type ClientWishes, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

const orders = 'https://orders.example'
const scopes = Array.from({ length: 12 }, (_, index) => `orders:${index}`)
const png = Buffer.from(
  'iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==',
  'base64',
)
const desk = { width: 1280, height: 800 }

let provider: Provider
let chromium: Chromium
let person: Person
let site: Server
let redirectUri: string

beforeAll(async () => {
  site = createServer((_request, response) => response.end('<!doctype html><title>Home</title><h1>Home</h1>'))
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  redirectUri = `http://127.0.0.1:${(site.address() as AddressInfo).port}/callback`
  ;[provider, chromium] = await Promise.all([startProvider(), openChromium()])
  person = await addPerson(provider)
  await addApi(provider, orders, scopes)
}, 90_000)

afterAll(async () => {
  await chromium?.close()
  site?.close()
  site?.closeAllConnections()
  await provider?.stop()
})

async function newApp(wishes: Partial<ClientWishes> = {}): Promise<PlainClient> {
  const client = await addClient(provider, {
    preset: 'spa',
    redirectUris: [redirectUri],
    name: 'Photo Album',
    ...wishes,
  })
  return new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port })
}

async function withPage(options: BrowserContextOptions, act: (page: Page) => Promise<void>): Promise<void> {
  const browser = await chromium.person({ viewport: desk, ...options })
  try {
    await act(await browser.newPage())
  } finally {
    await browser.close()
  }
}

async function signIn(page: Page): Promise<void> {
  await page.fill('#login', person.email)
  await page.fill('#password', person.password)
  await page.click('#sign-in')
}

const boxOf = async (page: Page, selector: string) => {
  const box = await page.locator(selector).boundingBox()
  if (!box) throw new Error(`No ${selector} on ${page.url()}`)
  return box
}

test('the card stays where it is from the first step to the last', async () => {
  const app = await newApp({ apis: [orders] })
  await withPage({}, async (page) => {
    const places: unknown[] = []
    const look = async () => {
      const { x, y, width } = await boxOf(page, 'main')
      const heading = await boxOf(page, 'h1')
      places.push({ x, y, width, heading: heading.y })
    }
    await page.goto(app.start({ scope: ['openid', ...scopes].join(' ') }).url.href)
    await look()
    await page.fill('#login', person.email)
    await page.fill('#password', 'not the password')
    await page.click('#sign-in')
    await page.locator('#fault').waitFor()
    await look()
    await signIn(page)
    await page.locator('#allow').waitFor()
    await look()
    await page.click('#another')
    await page.locator('#sign-in').waitFor()
    await look()
    expect(places).toEqual(places.map(() => places[0]))
  })
})

describe('the consent page', () => {
  test.each([
    ['a few', scopes.slice(0, 2), 'Photo Album'],
    ['a dozen', scopes, 'The very long name of an app that wants to be noticed before all others'],
  ])('has its buttons on the first screen at 1280 × 800 when an app asks for %s scopes', async (_, wanted, name) => {
    const app = await newApp({ apis: [orders], name })
    for (const locale of ['en-GB', 'de-DE']) {
      await withPage({ locale }, async (page) => {
        const scope = ['openid', 'profile', 'email', 'address', 'phone', ...wanted].join(' ')
        await page.goto(app.start({ scope }).url.href)
        await signIn(page)
        for (const button of ['#allow', '#deny']) {
          const { y, height } = await boxOf(page, button)
          expect(y + height).toBeLessThanOrEqual(desk.height)
        }
        // What does not fit is scrolled to, by the keyboard too.
        const list = page.locator('.asked')
        await list.focus()
        await page.keyboard.press('End')
        await expect(list.locator('li').last().isVisible()).resolves.toBe(true)
      })
    }
  })
})

describe('the button that shows the password', () => {
  test('shows and hides what was typed, and the form is sent with a password field', async () => {
    const app = await newApp({ firstParty: true })
    await withPage({}, async (page) => {
      await page.goto(app.start().url.href)
      await page.fill('#login', person.email)
      await page.fill('#password', person.password)
      const type = () => page.getAttribute('#password', 'type')
      await page.getByRole('button', { name: 'Show Password' }).click()
      expect(await type()).toBe('text')
      expect(await page.inputValue('#password')).toBe(person.password)
      await page.getByRole('button', { name: 'Hide Password' }).click()
      expect(await type()).toBe('password')
      await page.click('#show-password')
      await page.evaluate(`document.getElementById('login-form').addEventListener('submit', (event) => {
        event.preventDefault()
        document.title = document.getElementById('password').type
      })`)
      await page.click('#sign-in')
      expect(await page.title()).toBe('password')
    })
  })
  test('is not there without JavaScript, and signing in works', async () => {
    const app = await newApp({ firstParty: true })
    await withPage({ javaScriptEnabled: false }, async (page) => {
      await page.goto(app.start().url.href)
      expect(await page.isVisible('#show-password')).toBe(false)
      await signIn(page)
      await page.waitForURL(`${new URL(redirectUri).origin}/**`)
    })
  })
})

describe('the language switch', () => {
  test.each([true, false])('keeps what was typed, but not the password (JavaScript: %s)', async (javaScriptEnabled) => {
    const app = await newApp()
    await withPage({ javaScriptEnabled }, async (page) => {
      await page.goto(app.start().url.href)
      await page.fill('#login', 'ada@exa')
      await page.fill('#password', 'half')
      await page.check('#remember')
      await page.click('nav.languages button[lang=de]')
      await page.locator('html[lang=de]').waitFor()
      expect(await page.inputValue('#login')).toBe('ada@exa')
      expect(await page.inputValue('#password')).toBe('')
      expect(await page.isChecked('#remember')).toBe(true)
      await signIn(page)
      await page.locator('#allow').waitFor()
      expect(await page.getAttribute('html', 'lang')).toBe('de')
    })
  })
})

describe('the logo of an app', () => {
  const logo = 'https://photos.example/logo.png'
  const withLogo = () => newApp({ more: ['--logo-uri', logo] })
  const seen = async (page: Page) => (await page.locator('.tile-app').screenshot()).toString('base64')

  /** Share of the pixels that clearly differ; the edges of letters are never drawn quite alike. */
  const difference = (page: Page, one: string, other: string) =>
    page.evaluate<number>(`(async () => {
      const pixels = async (base64) => {
        const image = new Image()
        image.src = 'data:image/png;base64,' + base64
        await image.decode()
        const canvas = new OffscreenCanvas(image.width, image.height)
        const context = canvas.getContext('2d')
        context.drawImage(image, 0, 0)
        return context.getImageData(0, 0, image.width, image.height).data
      }
      const [a, b] = [await pixels('${one}'), await pixels('${other}')]
      let different = 0
      for (let at = 0; at < a.length; at += 4) if (Math.abs(a[at] - b[at]) > 64) different += 1
      return different / (a.length / 4)
    })()`)

  test.each([true, false])(
    'that fails to load leaves the letter in its place (JavaScript: %s)',
    async (javaScriptEnabled) => {
      const [app, plain, other] = await Promise.all([withLogo(), newApp(), newApp({ name: 'Missing logo' })])
      await withPage({ javaScriptEnabled }, async (page) => {
        await page.goto(plain.start().url.href)
        const letter = await seen(page)
        await page.goto(other.start().url.href)
        const otherLetter = await seen(page)
        await page.route(logo, (route) => route.abort())
        await page.goto(app.start().url.href, { waitUntil: 'load' })
        if (javaScriptEnabled) await page.locator('.logo').waitFor({ state: 'detached' })
        const shown = await seen(page)
        expect(await difference(page, shown, letter)).toBeLessThan(0.01)
        expect(await difference(page, otherLetter, letter)).toBeGreaterThan(0.03)
      })
    },
  )
  test('that loads covers the letter', async () => {
    const [app, plain] = await Promise.all([withLogo(), newApp()])
    await withPage({}, async (page) => {
      await page.goto(plain.start().url.href)
      const letter = await seen(page)
      await page.route(logo, (route) => route.fulfill({ contentType: 'image/png', body: png }))
      await page.goto(app.start().url.href, { waitUntil: 'load' })
      await page.waitForFunction("document.querySelector('.logo')?.complete")
      expect(await difference(page, await seen(page), letter)).toBeGreaterThan(0.03)
      expect(await page.locator('.logo').count()).toBe(1)
    })
  })
})

test('the tick in a checkbox is in the colours of the page, light and dark', async () => {
  const app = await newApp()
  for (const colorScheme of ['light', 'dark'] as const) {
    await withPage({ colorScheme }, async (page) => {
      await page.goto(app.start().url.href)
      const colours = () =>
        page.evaluate<string[]>(`(() => {
          const box = getComputedStyle(document.getElementById('remember'))
          const button = getComputedStyle(document.getElementById('sign-in'))
          const field = getComputedStyle(document.getElementById('login'))
          return [box.appearance, box.backgroundColor, button.backgroundColor, field.backgroundColor]
        })()`)
      const [appearance, unticked, , field] = await colours()
      expect([appearance, unticked]).toEqual(['none', field])
      await page.check('#remember')
      const [, ticked, button] = await colours()
      expect(ticked).toBe(button)
    })
  }
})

test('a browser that keeps no cookies is told that cookies are needed, on every way in', async () => {
  const app = await newApp()
  await withPage({}, async (page) => {
    // As a browser does that is set to keep none.
    await page.route(`${provider.issuer}/**`, async (route) => {
      const { cookie: _none, ...headers } = await route.request().allHeaders()
      const answer = await route.fetch({ headers, maxRedirects: 0 })
      const { 'set-cookie': _unkept, ...kept } = answer.headers()
      await page.context().clearCookies()
      await route.fulfill({ response: answer, headers: kept })
    })
    await page.goto(app.start().url.href)
    expect(await page.textContent('[role=alert]')).toContain('needs cookies, and your browser sent none')
    await page.goto(`${provider.issuer}/device`)
    await page.fill('#user_code', 'BCDFGHJK')
    await page.click('#continue')
    expect(await page.textContent('[role=alert]')).toContain('needs cookies, and your browser sent none')
    await page.unrouteAll({ behavior: 'wait' })
  })
})

test.each([
  ['320 pixels wide', { viewport: { width: 320, height: 640 } }],
  ['at 200 % zoom', { viewport: { width: 640, height: 400 }, deviceScaleFactor: 2 }],
])('sign-in, consent and account need no sideways scrolling %s', async (_, options) => {
  const app = await newApp({ apis: [orders], name: 'Donaudampfschifffahrtsgesellschaftskapitänsmützenverwaltung' })
  for (const locale of ['en-GB', 'de-DE']) {
    await withPage({ ...options, locale }, async (page) => {
      const fits = () => page.evaluate('document.documentElement.scrollWidth <= innerWidth')
      await page.goto(app.start({ scope: ['openid', 'email', ...scopes].join(' '), prompt: 'consent' }).url.href)
      expect(await fits()).toBe(true)
      await signIn(page)
      await page.locator('#allow').waitFor()
      expect(await fits()).toBe(true)
      await page.click('#allow')
      await page.waitForURL(`${new URL(redirectUri).origin}/**`)
      await page.goto(`${provider.issuer}/account`)
      expect(await fits()).toBe(true)
    })
  }
})
