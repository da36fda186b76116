/** As much of a browser as a sign-in needs: a cookie jar with paths, redirects by hand, forms from HTML. */
import type { Answer, HttpConnection } from './http-connection.ts'

interface Cookie {
  name: string
  value: string
  path: string
}

export class Browser {
  readonly #http: HttpConnection
  readonly #origin: string
  readonly #cookies = new Map<string, Cookie>()

  constructor(http: HttpConnection, origin: string) {
    this.#http = http
    this.#origin = origin
  }

  /** Takes a path or a URL of the same origin. */
  async get(location: string): Promise<Answer> {
    const path = this.#pathOf(location)
    return this.#keepCookies(path, await this.#http.get(path, this.#cookieHeader(path)))
  }

  async post(location: string, form: URLSearchParams): Promise<Answer> {
    const path = this.#pathOf(location)
    const headers = `Origin: ${this.#origin}\r\nSec-Fetch-Site: same-origin\r\n${this.#cookieHeader(path)}`
    return this.#keepCookies(path, await this.#http.postForm(path, form.toString(), headers))
  }

  #pathOf(location: string): string {
    return location.startsWith(this.#origin) ? location.slice(this.#origin.length) : location
  }

  #cookieHeader(path: string): string {
    let header = ''
    for (const cookie of this.#cookies.values()) {
      if (path.startsWith(cookie.path)) header += `${header ? '; ' : 'Cookie: '}${cookie.name}=${cookie.value}`
    }
    return header && `${header}\r\n`
  }

  #keepCookies(path: string, answer: Answer): Answer {
    for (const line of answer.headers('set-cookie')) {
      const [pair = '', ...attributes] = line.split(/; */)
      const name = pair.slice(0, pair.indexOf('='))
      const value = pair.slice(pair.indexOf('=') + 1)
      const attribute = (key: string) =>
        attributes.find((text) => text.toLowerCase().startsWith(`${key}=`))?.slice(key.length + 1)
      const cookiePath = attribute('path') ?? path
      const key = `${name} ${cookiePath}`
      const expires = attribute('expires')
      if (attribute('max-age') === '0' || (expires && Date.parse(expires) < Date.now())) this.#cookies.delete(key)
      else this.#cookies.set(key, { name, value, path: cookiePath })
    }
    return answer
  }
}

const entities: Record<string, string> = {
  amp: '&',
  lt: '<',
  gt: '>',
  quot: '"',
  '#39': "'",
  '#x27': "'",
  '#x2F': '/',
  '#x3D': '=',
}
const decodeEntities = (text: string) => text.replace(/&(#?\w+);/g, (whole, name: string) => entities[name] ?? whole)
const attributeOf = (tag: string, name: string) => {
  const value = new RegExp(`\\s${name}=(?:"([^"]*)"|'([^']*)'|([^\\s>]+))`, 'i').exec(tag)
  return value ? decodeEntities(value[1] ?? value[2] ?? value[3] ?? '') : undefined
}

export interface PageForm {
  action: string
  fields: URLSearchParams
}

/** The form that holds an element with this attribute, with its hidden fields filled in. */
export function findForm(html: string, marker: string, pageUrl: string): PageForm | undefined {
  for (const [form] of html.matchAll(/<form[\s\S]*?<\/form>/gi)) {
    const element = new RegExp(`<(?:input|button)[^>]*\\s${marker}[\\s>][^>]*>?`, 'i').exec(form)?.[0]
    if (!element) continue
    const fields = new URLSearchParams()
    for (const [input] of form.matchAll(/<input[^>]*>/gi)) {
      const name = attributeOf(input, 'name')
      if (name && attributeOf(input, 'type') === 'hidden') fields.set(name, attributeOf(input, 'value') ?? '')
    }
    const pressed = element.startsWith('<button') ? attributeOf(element, 'name') : undefined
    if (pressed) fields.set(pressed, attributeOf(element, 'value') ?? '')
    return { action: attributeOf(form.slice(0, form.indexOf('>') + 1), 'action') ?? pageUrl, fields }
  }
  return undefined
}
