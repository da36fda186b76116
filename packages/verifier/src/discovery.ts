/** The issuer's discovery document, fetched on demand and cached. */
import { isObject } from './base64url.ts'
import type { Clock } from './clock.ts'
import { BadAnswer, type Fetch, fetchDocument } from './web-requests.ts'

export interface DiscoveryNeeds {
  issuer: string
  fetch: Fetch
  clock: Clock
  signal: AbortSignal
}

const longestDocument = 256 * 1024
const keptMs = 300_000

export class Discovery {
  readonly #needs: DiscoveryNeeds
  #kept: { at: number; document: Record<string, unknown> } | undefined
  #reading: Promise<Record<string, unknown>> | undefined

  constructor(needs: DiscoveryNeeds) {
    this.#needs = needs
  }

  /** @param maxAgeMs maximum age of the cached document */
  async read(maxAgeMs = keptMs): Promise<Record<string, unknown>> {
    const { clock } = this.#needs
    if (this.#kept && clock.monotonicMs() - this.#kept.at <= maxAgeMs) return this.#kept.document
    this.#reading ??= this.#fetch().finally(() => {
      this.#reading = undefined
    })
    const document = await this.#reading
    this.#kept = { at: clock.monotonicMs(), document }
    return document
  }

  /** @throws when the issuer does not publish it */
  async endpoint(name: string): Promise<string> {
    const value = (await this.read())[name]
    if (typeof value !== 'string') throw new Error(`the discovery document has no ${name}`)
    return value
  }

  async #fetch(): Promise<Record<string, unknown>> {
    const { issuer, fetch, signal } = this.#needs
    const url = `${issuer}/.well-known/openid-configuration`
    const { response, bytes } = await fetchDocument(fetch, url, { timeoutMs: 5_000, signal }, longestDocument)
    if (response.status !== 200) throw new BadAnswer(url, response)
    const document: unknown = JSON.parse(new TextDecoder().decode(bytes))
    // OpenID Connect Discovery §4.3: otherwise another server could impersonate this issuer.
    if (!isObject(document) || document.issuer !== issuer)
      throw new Error(`${url} is not the discovery document of ${issuer}`)
    return document
  }
}
