/** Asks the issuer (RFC 7662) whether a token is active: slower than the feed, and never out of date. */
import { isObject } from './base64url.ts'
import type { Clock } from './clock.ts'
import type { Telemetry } from './telemetry.ts'
import { authorization, BadAnswer, type FeedAuth, type Fetch, fetchDocument } from './web-requests.ts'

export interface IntrospectionNeeds {
  endpoint(): Promise<string>
  auth: FeedAuth
  fetch: Fetch
  clock: Clock
  telemetry: Telemetry
  timeoutMs: number
  signal: AbortSignal
}

const longestAnswer = 64 * 1024
/** After this many failures in a row, introspection pauses for `restMs`. */
const patience = 5
const restMs = 10_000

export class Introspection {
  readonly #needs: IntrospectionNeeds
  #failures = 0
  #restsUntil = Number.NEGATIVE_INFINITY

  constructor(needs: IntrospectionNeeds) {
    this.#needs = needs
  }

  /** Undefined when the issuer gives no answer. */
  async isActive(token: string): Promise<boolean | undefined> {
    const { clock, telemetry } = this.#needs
    if (clock.monotonicMs() < this.#restsUntil) return undefined
    telemetry.count('introspections')
    try {
      const active = await this.#ask(token)
      this.#failures = 0
      return active
    } catch (error) {
      this.#failures += 1
      if (this.#failures >= patience) {
        this.#failures = 0
        this.#restsUntil = clock.monotonicMs() + restMs
      }
      telemetry.emit({ type: 'failure', what: 'introspection', error })
      return undefined
    }
  }

  async #ask(token: string): Promise<boolean> {
    const { endpoint, auth, fetch, timeoutMs, signal } = this.#needs
    const url = await endpoint()
    const headers = {
      authorization: await authorization(auth),
      accept: 'application/json',
      'content-type': 'application/x-www-form-urlencoded',
    }
    const body = new URLSearchParams({ token, token_type_hint: 'access_token' }).toString()
    const request = { method: 'POST', headers, body, timeoutMs, signal }
    const { response, bytes } = await fetchDocument(fetch, url, request, longestAnswer)
    if (response.status !== 200) throw new BadAnswer(url, response)
    const answer: unknown = JSON.parse(new TextDecoder().decode(bytes))
    if (!isObject(answer) || typeof answer.active !== 'boolean') throw new Error(`${url} returned no boolean "active"`)
    return answer.active
  }
}
