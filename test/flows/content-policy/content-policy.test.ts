/** Our content policy in a real Chromium: strict, and in nobody's way. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import type { BrowserContextOptions, Page } from 'playwright-core'
import { type Chromium, openChromium } from '../../harness/chromium.ts'
import { addClient, addPerson, type Person } from '../../harness/people.ts'
import { PlainClient } from '../../harness/plain-client.ts'
import { type Provider, startProvider } from '../../harness/server.ts'

let provider: Provider
let chromium: Chromium
let person: Person
let app: PlainClient
let site: Server
let origin: string
const received: { method: string; path: string; body: string }[] = []

async function receive(request: IncomingMessage): Promise<void> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  received.push({ method: request.method ?? '', path: request.url ?? '', body: Buffer.concat(chunks).toString() })
}

beforeAll(async () => {
  // On 127.0.0.1, while the provider is on localhost: another site. Its callback redirects on, as apps do.
  site = createServer(async (request, response) => {
    await receive(request)
    const frame = /^\/frame\?(.*)$/.exec(request.url ?? '')?.[1]
    response.setHeader('content-type', 'text/html')
    if (request.url?.startsWith('/callback')) response.writeHead(303, { location: '/home' }).end()
    else if (frame !== undefined)
      response.end(`<!doctype html><title>Frame</title><iframe id="it" src="${decodeURIComponent(frame)}"></iframe>`)
    else response.end('<!doctype html><html lang="en"><title>Home</title><h1>Home</h1>')
  })
  await new Promise<void>((resolve) => site.listen(0, '127.0.0.1', resolve))
  origin = `http://127.0.0.1:${(site.address() as AddressInfo).port}`
  ;[provider, chromium] = await Promise.all([startProvider(), openChromium()])
  const redirectUri = `${origin}/callback`
  person = await addPerson(provider)
  const client = await addClient(provider, { preset: 'web', redirectUris: [redirectUri], name: 'Another site' })
  app = new PlainClient(client, { issuer: provider.issuer, redirectUri, port: () => provider.port })
}, 90_000)

afterAll(async () => {
  await chromium?.close()
  site?.close()
  site?.closeAllConnections()
  await provider?.stop()
})

/** @returns what the browser complained of, policy violations among it */
async function withPage(options: BrowserContextOptions, act: (page: Page) => Promise<void>): Promise<string[]> {
  const browser = await chromium.person(options)
  try {
    const page = await browser.newPage()
    const complaints: string[] = []
    page.on('console', (message) => complaints.push(message.text()))
    page.on('pageerror', (error) => complaints.push(error.message))
    await act(page)
    return complaints.filter((text) => /content security policy|refused|violat/i.test(text))
  } finally {
    await browser.close()
  }
}

async function signIn(page: Page, parameters: Record<string, string> = {}): Promise<void> {
  await page.goto(app.start(parameters).url.href)
  await page.fill('input[name="login"]', person.email)
  await page.fill('input[name="password"]', person.password)
  await page.click('#sign-in')
  const allow = page.locator('#allow')
  await Promise.race([allow.waitFor(), page.waitForURL(`${origin}/**`)]).catch(() => undefined)
  if (await allow.isVisible()) await allow.click()
}

test.each([
  ['with', true],
  ['without', false],
])(
  'sign-in posts, redirects and ends in an app on another origin that redirects on, %s JavaScript',
  async (_how, javaScriptEnabled) => {
    const violations = await withPage({ javaScriptEnabled }, async (page) => {
      await signIn(page)
      await page.waitForURL(`${origin}/home`)
      expect(await page.textContent('h1')).toBe('Home')
    })
    expect(violations).toEqual([])
  },
)

test('response_mode=form_post reaches an app on another origin by itself, the one script allowed by its hash', async () => {
  received.length = 0
  const violations = await withPage({}, async (page) => {
    await signIn(page, { response_mode: 'form_post', state: `a "state" & <more>'s` })
    await page.waitForURL(`${origin}/home`)
  })
  expect(violations).toEqual([])
  const posted = received.find(({ method, path }) => method === 'POST' && path === '/callback')
  const fields = new URLSearchParams(posted?.body)
  expect(fields.get('code')).toMatch(/^[\w-]{20,}$/)
  expect(fields.get('state')).toBe(`a "state" & <more>'s`)
  expect(fields.get('iss')).toBe(provider.issuer)
})

test('response_mode=form_post works without JavaScript, by the button', async () => {
  received.length = 0
  await withPage({ javaScriptEnabled: false }, async (page) => {
    await signIn(page, { response_mode: 'form_post' })
    await page.click('#continue')
    await page.waitForURL(`${origin}/home`)
  })
  expect(
    received.some(({ method, path, body }) => method === 'POST' && path === '/callback' && body.includes('code=')),
  ).toBe(true)
})

test('no other script runs on a page of ours, not even one that got into it', async () => {
  await withPage({}, async (page) => {
    await page.goto(app.start().url.href)
    await page.evaluate(`
      const script = document.createElement('script')
      script.textContent = 'document.title = "taken"'
      document.body.append(script)
      document.body.insertAdjacentHTML('beforeend', '<img src="x:" onerror="document.title = \\'taken\\'">')
    `)
    await page.waitForTimeout(200)
    expect(await page.title()).not.toBe('taken')
  })
})

test('no page of ours can be framed by another site', async () => {
  for (const path of ['/account', '/device', '/session/end', '/']) {
    await withPage({}, async (page) => {
      await page.goto(`${origin}/frame?${encodeURIComponent(provider.url(path))}`)
      await page.waitForTimeout(200)
      const [, frame] = page.frames()
      const text = await frame?.evaluate("document.body?.innerText ?? ''").catch(() => '')
      expect(text ?? '').not.toMatch(/sign|account|code/i)
    })
  }
})

test('the stylesheet and the icon load under the policy', async () => {
  const violations = await withPage({}, async (page) => {
    const failed: string[] = []
    page.on('response', (answer) => void (answer.status() >= 400 && failed.push(answer.url())))
    await page.goto(app.start().url.href)
    expect(await page.evaluate('document.styleSheets[0].cssRules.length')).toBeGreaterThan(10)
    expect(failed).toEqual([])
  })
  expect(violations).toEqual([])
})
