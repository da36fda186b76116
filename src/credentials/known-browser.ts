import { createHmac, randomBytes, timingSafeEqual } from 'node:crypto'
import type { AccountId } from '../accounts/account.ts'

export interface KnownBrowsersNeeds {
  /** At least 32 bytes each; the first signs, all verify. */
  keys(): readonly Uint8Array[]
  now(): Date
}

const lifetimeSeconds = 180 * 86_400
/** One browser may be known to this number of people; the oldest entry is dropped. */
const mostPeople = 5
const longestCookie = 1024

/**
 * Device cookies (OWASP, "Slow Down Online Guessing Attacks with Device Cookies"). A browser in which a person signed
 * in sends this cookie, so that strangers' guesses elsewhere never delay that person here. The cookie proves nothing
 * else, and a person cannot sign in with it. It contains one token for each person: `id.expiry.mac`.
 */
export class KnownBrowsers {
  readonly #needs: KnownBrowsersNeeds

  constructor(needs: KnownBrowsersNeeds) {
    this.#needs = needs
  }

  /** The lifetime of the cookie. */
  readonly maxAgeSeconds = lifetimeSeconds

  /** The cookie's new value after a sign-in. Other people in `cookie` stay known. */
  issue(accountId: AccountId, cookie = ''): string {
    const key = this.#needs.keys()[0]
    if (!key) throw new TypeError('known browsers need a key')
    const id = randomBytes(16).toString('base64url')
    const expiry = (this.#seconds() + lifetimeSeconds).toString(36)
    const others = tokensOf(cookie).filter((token) => this.#read(token, accountId) === undefined)
    return [`${id}.${expiry}.${sign(key, accountId, id, expiry).toString('base64url')}`, ...others]
      .slice(0, mostPeople)
      .join('~')
  }

  /** The browser's id, if this account signed in there before. */
  verify(cookie: string | undefined, accountId: AccountId): string | undefined {
    for (const token of tokensOf(cookie ?? '')) {
      const id = this.#read(token, accountId)
      if (id !== undefined) return id
    }
    return undefined
  }

  #read(token: string, accountId: AccountId): string | undefined {
    const [id = '', expiry = '', mac = '', ...more] = token.split('.')
    if (!/^[\w-]{22}$/.test(id) || !/^[0-9a-z]{1,9}$/.test(expiry) || more.length > 0) return undefined
    const given = Buffer.from(mac, 'base64url')
    const isOurs = this.#needs.keys().some((key) => {
      const right = sign(key, accountId, id, expiry)
      return given.length === right.length && timingSafeEqual(given, right)
    })
    return isOurs && Number.parseInt(expiry, 36) > this.#seconds() ? id : undefined
  }

  #seconds(): number {
    return Math.floor(this.#needs.now().getTime() / 1000)
  }
}

const tokensOf = (cookie: string) => (cookie.length > longestCookie ? [] : cookie.split('~').slice(0, mostPeople))

const sign = (key: Uint8Array, ...parts: string[]) =>
  createHmac('sha256', key)
    .update(JSON.stringify(['claviger known browser', ...parts]))
    .digest()
