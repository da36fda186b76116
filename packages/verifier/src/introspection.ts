/** Asks the issuer itself (RFC 7662) whether a token still holds: slower, and never behind. */
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
/** So many failures in a row, and nobody asks for a while. */
const patience = 5
const restMs = 10_000

export class Introspection {
  readonly #needs: IntrospectionNeeds
  #failures = 0
  #restsUntil = Number.NEGATIVE_INFINITY

  constructor(needs: IntrospectionNeeds) {
    this.#needs = needs
  }

  /** Undefined when nobody can say. */
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
      telemetry.tell({ type: 'failure', what: 'introspection', error })
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
    if (!isObject(answer) || typeof answer.active !== 'boolean') throw new Error(`${url} did not say active or not`)
    return answer.active
  }
}
