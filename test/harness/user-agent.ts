/**
 * A browser without scripts: keeps cookies, follows redirects, fills forms, and sends the headers that browsers send.
 * It never goes to the app: a redirect to another origin ends the walk there, so that a test can look at the URL.
 */
import { request as httpRequest, type IncomingHttpHeaders } from 'node:http'
import { request as httpsRequest } from 'node:https'
import { type HTMLElement, parse } from 'node-html-parser'
import { CookieJar } from './cookie-jar.ts'
import { submissionOf } from './form.ts'

export interface VisitedPage {
  url: URL
  status: number
  headers: IncomingHttpHeaders
  text: string
  document: HTMLElement
  /** Text of the page's one `h1`. */
  heading: string
  /** True when the walk ended on the way to another origin: `url` is where the browser was sent, nothing was fetched. */
  left: boolean
  /** Status and URL of every answer on the way, the first first. */
  way: readonly string[]
}

interface Answer {
  status: number
  headers: IncomingHttpHeaders
  text: string
}

type Typed = Readonly<Record<string, string | boolean>>

const redirectLimit = 20

export class UserAgent {
  readonly cookies: CookieJar
  readonly #home: string
  readonly #headers: Readonly<Record<string, string>>
  readonly #port: (() => number) | undefined

  /**
   * @param home the origin it stays on
   * @param options.port where home is reached by plain HTTP, as if a proxy stood between; asked for each request
   */
  constructor(
    home: string,
    options: { headers?: Readonly<Record<string, string>>; cookies?: CookieJar; port?: () => number } = {},
  ) {
    this.#home = new URL(home).origin
    this.#port = options.port
    this.#headers = { accept: 'text/html', 'accept-language': 'en-GB,en;q=0.9', ...options.headers }
    this.cookies = options.cookies ?? new CookieJar()
  }

  /** Types the address into the address bar. */
  visit(url: string | URL): Promise<VisitedPage> {
    return this.#walk('GET', new URL(url), undefined, { 'sec-fetch-site': 'none' })
  }

  /** Fills the form around a button (`#sign-in`) and presses it. */
  press(page: VisitedPage, button: string, typed: Typed = {}): Promise<VisitedPage> {
    const pressed = page.document.querySelector(button)
    if (!pressed) throw new Error(`No ${button} on ${page.url.href} (${page.status}):\n${page.text}`)
    const { method, url, fields } = submissionOf(page, pressed, typed)
    const headers = { origin: page.url.origin, referer: page.url.href, 'sec-fetch-site': 'same-origin' }
    if (method === 'POST') return this.#walk('POST', url, fields.toString(), headers)
    const target = new URL(url)
    target.search = fields.toString()
    return this.#walk('GET', target, undefined, headers)
  }

  /** Follows a link. */
  follow(page: VisitedPage, link: string): Promise<VisitedPage> {
    const href = page.document.querySelector(link)?.getAttribute('href')
    if (href === undefined) throw new Error(`No ${link} on ${page.url.href} (${page.status}):\n${page.text}`)
    return this.#walk('GET', new URL(href, page.url), undefined, {
      referer: page.url.href,
      'sec-fetch-site': 'same-origin',
    })
  }

  /** One request, no redirect followed; for hostile requests, too. */
  async send(
    method: string,
    url: string | URL,
    options: { body?: string; headers?: Readonly<Record<string, string>> } = {},
  ): Promise<Answer> {
    const target = new URL(url)
    const cookie = this.cookies.header(target)
    const headers: Record<string, string> = {
      ...this.#headers,
      'sec-fetch-mode': 'navigate',
      'sec-fetch-dest': 'document',
    }
    if (cookie !== undefined) headers['cookie'] = cookie
    if (options.body !== undefined) headers['content-type'] = 'application/x-www-form-urlencoded'
    const answer = await exchange(method, target, options.body, { ...headers, ...options.headers }, this.#port?.())
    this.cookies.keep(target, answer.headers['set-cookie'] ?? [])
    return answer
  }

  async #walk(
    method: string,
    start: URL,
    body: string | undefined,
    headers: Record<string, string>,
  ): Promise<VisitedPage> {
    const way: string[] = []
    let [verb, url, content] = [method, start, body]
    for (let steps = 0; steps < redirectLimit; steps += 1) {
      const answer = await this.send(verb, url, { headers, ...(content === undefined ? {} : { body: content }) })
      way.push(`${answer.status} ${url.href}`)
      const location = answer.headers.location
      if (location === undefined || answer.status < 300 || answer.status > 399) return pageOf(url, answer, false, way)
      url = new URL(location, url)
      if (url.origin !== this.#home) return pageOf(url, { ...answer, text: '' }, true, way)
      // 307 and 308 keep method and body; every other redirect becomes a GET, as browsers do.
      if (answer.status !== 307 && answer.status !== 308) [verb, content] = ['GET', undefined]
    }
    throw new Error(`Redirected in a circle:\n${way.join('\n')}`)
  }
}

function pageOf(url: URL, answer: Answer, left: boolean, way: readonly string[]): VisitedPage {
  const document = parse(answer.text)
  const heading = document.querySelector('h1')?.textContent.trim().replace(/\s+/g, ' ') ?? ''
  return { ...answer, url, document, heading, left, way }
}

function exchange(
  method: string,
  url: URL,
  body: string | undefined,
  headers: Record<string, string>,
  port: number | undefined,
): Promise<Answer> {
  const request = url.protocol === 'https:' && port === undefined ? httpsRequest : httpRequest
  const { hostname, host, pathname, search } = url
  const place =
    port === undefined
      ? { hostname: hostname.replace(/^\[|\]$/g, ''), port: url.port }
      : { hostname: '127.0.0.1', port, setHost: false }
  const options = { ...place, path: `${pathname}${search}`, method, headers: { host, ...headers } }
  return new Promise((resolve, reject) => {
    const sent = request(options, (response) => {
      const chunks: Buffer[] = []
      response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject)
      response.once('end', () => {
        resolve({
          status: response.statusCode ?? 0,
          headers: response.headers,
          text: Buffer.concat(chunks).toString('utf8'),
        })
      })
    })
    sent.once('error', reject).end(body)
  })
}
