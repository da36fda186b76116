/** The scriptless browser of the flow tests does what browsers do. */
import { createServer, type IncomingMessage, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, beforeEach, expect, test } from '@jest/globals'
import { UserAgent } from './user-agent.ts'

let server: Server
let home: string
let asked: { request: IncomingMessage; body: string }[] = []

const form = `<!doctype html><h1> A  form </h1>
  <form method="post" action="/sent">
    <input type="hidden" name="csrf" value="a&amp;b">
    <input name="login" value="before"><input type="password" name="password">
    <input type="checkbox" name="remember" value="yes"><input type="checkbox" name="news" checked>
    <input name="off" disabled value="never">
    <button id="yes" name="answer" value="yes">Yes</button><button id="no" name="answer" value="no">No</button>
  </form>`

beforeAll(async () => {
  server = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    asked.push({ request, body: Buffer.concat(chunks).toString() })
    const { pathname, searchParams } = new URL(request.url ?? '/', home)
    if (pathname === '/cookies') response.setHeader('set-cookie', searchParams.getAll('set'))
    if (pathname === '/go') response.setHeader('location', searchParams.get('to') ?? '/').statusCode = 303
    response.setHeader('content-type', 'text/html').end(form)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  home = `http://localhost:${(server.address() as AddressInfo).port}`
})

beforeEach(() => {
  asked = []
})

afterAll(() => void server?.close())

const cookieSent = () => asked.at(-1)?.request.headers.cookie

test('sends what was typed, what was there, and the one button that was pressed', async () => {
  const agent = new UserAgent(home)
  const page = await agent.visit(home)
  expect(page.heading).toBe('A form')
  await agent.press(page, '#no', { login: 'ada', password: 'p&w', remember: true })
  const sent = Object.fromEntries(new URLSearchParams(asked.at(-1)?.body))
  expect(sent).toEqual({ csrf: 'a&b', login: 'ada', password: 'p&w', remember: 'yes', news: 'on', answer: 'no' })
  expect(asked.at(-1)?.request.headers).toMatchObject({ origin: home, 'sec-fetch-site': 'same-origin' })
})

test('refuses to type into a field that is not there', async () => {
  const agent = new UserAgent(home)
  const page = await agent.visit(home)
  expect(() => agent.press(page, '#yes', { surname: 'Lovelace' })).toThrow('surname')
})

test('follows redirects at home and stops where it is sent away', async () => {
  const agent = new UserAgent(home)
  const away = 'https://app.example/callback?code=1'
  const page = await agent.visit(`${home}/go?to=${encodeURIComponent(`/go?to=${encodeURIComponent(away)}`)}`)
  expect(page).toMatchObject({ left: true, status: 303 })
  expect(page.url.href).toBe(away)
  expect(page.way).toHaveLength(2)
})

test('keeps cookies by path and life, and forgets those of the session when the browser closes', async () => {
  const agent = new UserAgent(home)
  const lines = ['a=1; Path=/', 'b=2; Path=/deep', 'c=3; Max-Age=60; Path=/', 'd=4; Max-Age=0; Path=/']
  await agent.visit(`${home}/cookies?${lines.map((line) => `set=${encodeURIComponent(line)}`).join('&')}`)
  await agent.visit(`${home}/`)
  expect(cookieSent()).toBe('a=1; c=3')
  await agent.visit(`${home}/deep/er`)
  expect(cookieSent()).toBe('b=2; a=1; c=3')
  agent.cookies.closeBrowser()
  await agent.visit(`${home}/deep/er`)
  expect(cookieSent()).toBe('c=3')
})
