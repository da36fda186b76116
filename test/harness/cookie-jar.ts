/** The cookies of one browser, kept as RFC 6265 asks, as far as our own pages need it: no public suffixes, no domains. */
interface Cookie {
  name: string
  value: string
  host: string
  path: string
  secure: boolean
  /** Milliseconds since 1970; undefined: gone when the browser closes. */
  expiresAt: number | undefined
  /** Set by a neighbour (another subdomain): it stays beside a cookie of the same name and path that the host sets. */
  isPlanted: boolean
}

export class CookieJar {
  #cookies: Cookie[] = []

  /** Takes the Set-Cookie lines of an answer. */
  keep(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const cookie = parse(url, line)
      if (cookie.secure && !isTrustworthy(url)) continue
      this.#cookies = this.#cookies.filter((other) => !isSame(other, cookie))
      if (cookie.expiresAt === undefined || cookie.expiresAt > Date.now()) this.#cookies.push(cookie)
    }
  }

  /** The Cookie header of a request, longest path first (RFC 6265 §5.4); undefined when there is nothing to send. */
  header(url: URL): string | undefined {
    const sent = this.#cookies
      .filter((cookie) => cookie.host === url.hostname && pathMatches(url.pathname, cookie.path))
      .filter((cookie) => cookie.expiresAt === undefined || cookie.expiresAt > Date.now())
      .filter((cookie) => !cookie.secure || isTrustworthy(url))
      .sort((a, b) => b.path.length - a.path.length)
    return sent.length === 0 ? undefined : sent.map(({ name, value }) => `${name}=${value}`).join('; ')
  }

  /** The person closes the browser: what was not meant to stay is gone. */
  closeBrowser(): void {
    this.#cookies = this.#cookies.filter(({ expiresAt }) => expiresAt !== undefined)
  }

  /** The same cookies in another jar, as after theirs were stolen. */
  copy(): CookieJar {
    const copy = new CookieJar()
    copy.#cookies = this.#cookies.map((cookie) => ({ ...cookie }))
    return copy
  }

  /**
   * What a neighbour who holds these cookies sets in this browser: another subdomain, or another port of localhost.
   * A browser refuses `__Host-` from a neighbour (RFC 6265bis §4.1.3.2). Planted cookies are sent first.
   */
  plant(theirs: CookieJar): void {
    const planted = theirs.#cookies.filter(({ name }) => !name.startsWith('__Host-'))
    this.#cookies.unshift(...planted.map((cookie) => ({ ...cookie, isPlanted: true })))
  }

  clear(): void {
    this.#cookies = []
  }

  names(): string[] {
    return this.#cookies.map(({ name }) => name)
  }
}

function parse(url: URL, line: string): Cookie {
  const [pair = '', ...attributes] = line.split(';').map((part) => part.trim())
  const equals = pair.indexOf('=')
  const given = new Map(
    attributes.map((attribute) => {
      const [key = '', ...value] = attribute.split('=')
      return [key.toLowerCase(), value.join('=')]
    }),
  )
  return {
    name: pair.slice(0, equals),
    value: pair.slice(equals + 1),
    host: url.hostname,
    path: given.get('path') || url.pathname.replace(/\/[^/]*$/, '') || '/',
    secure: given.has('secure'),
    expiresAt: expiryOf(given),
    isPlanted: false,
  }
}

/** Max-Age wins over Expires (RFC 6265 §4.1.2.2). */
function expiryOf(given: ReadonlyMap<string, string>): number | undefined {
  const maxAge = given.get('max-age')
  if (maxAge !== undefined) return Date.now() + Number(maxAge) * 1000
  const expires = given.get('expires')
  return expires === undefined ? undefined : Date.parse(expires)
}

const isSame = (a: Cookie, b: Cookie) =>
  a.name === b.name && a.host === b.host && a.path === b.path && a.isPlanted === b.isPlanted

const pathMatches = (path: string, cookiePath: string) =>
  path === cookiePath || path.startsWith(cookiePath.endsWith('/') ? cookiePath : `${cookiePath}/`)

/** Browsers hold the loopback for as good as TLS. */
const isTrustworthy = (url: URL) =>
  url.protocol === 'https:' || url.hostname === 'localhost' || url.hostname === '127.0.0.1'
