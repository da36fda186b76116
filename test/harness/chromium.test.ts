/** What the browser of the flow tests promises, so that a test that passes there means something. */
import { createServer, type IncomingMessage, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from '@jest/globals'
import { type Chromium, openChromium } from './chromium.ts'

let chromium: Chromium
let other: Server
let site: Server
const asked: IncomingMessage[] = []

const listen = (answer: RequestListener) =>
  new Promise<Server>((resolve) => {
    const server = createServer((request, response) => {
      response.setHeader('content-type', 'text/html')
      answer(request, response)
    }).listen(0, '127.0.0.1', () => resolve(server))
  })

const portOf = (server: Server) => (server.address() as AddressInfo).port

beforeAll(async () => {
  chromium = await openChromium()
  other = await listen((request, response) => {
    asked.push(request)
    response.setHeader('set-cookie', 'seen=yes; SameSite=None; Secure; Path=/')
    response.end('<!doctype html><title>Other</title><h1>Other</h1><script>document.title = "scripted"</script>')
  })
  site = await listen((_request, response) => {
    response.end(`<!doctype html><title>Site</title><iframe src="http://localhost:${portOf(other)}/frame"></iframe>`)
  })
})

afterAll(async () => {
  await chromium?.close()
  for (const server of [other, site]) server?.close()
})

test('a frame of another site gets no cookies, the same page at the top does', async () => {
  const page = await (await chromium.person()).newPage()
  await page.goto(`http://localhost:${portOf(other)}/first`)
  await page.goto(`http://localhost:${portOf(other)}/second`)
  await page.goto(`http://127.0.0.1:${portOf(site)}/`)
  const cookieOf = (path: string) => asked.find(({ url }) => url === path)?.headers.cookie
  expect(cookieOf('/second')).toBe('seen=yes')
  expect(asked.some(({ url }) => url === '/frame')).toBe(true)
  expect(cookieOf('/frame')).toBeUndefined()
})

test('scripts run, unless they are switched off', async () => {
  const withScript = await (await chromium.person()).newPage()
  await withScript.goto(`http://localhost:${portOf(other)}/`)
  expect(await withScript.title()).toBe('scripted')
  const without = await (await chromium.person({ javaScriptEnabled: false })).newPage()
  await without.goto(`http://localhost:${portOf(other)}/`)
  expect(await without.title()).toBe('Other')
})

test('a page may not read what another origin does not share', async () => {
  const page = await (await chromium.person()).newPage()
  await page.goto(`http://127.0.0.1:${portOf(site)}/`)
  const read = await page.evaluate(
    (url) =>
      fetch(url).then(
        () => 'read',
        () => 'refused',
      ),
    `http://localhost:${portOf(other)}/data`,
  )
  expect(read).toBe('refused')
})

test('two people share nothing', async () => {
  const first = await chromium.person()
  await (await first.newPage()).goto(`http://localhost:${portOf(other)}/`)
  const second = await chromium.person()
  expect(await second.context.cookies()).toEqual([])
})
