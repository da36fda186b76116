/**
 * The issuer's public keys, fetched at the start and refreshed in the background
 * before they expire, so that no request waits. Concurrent requests share one
 * fetch. Fetches for unknown kids are rate-limited.
 */
import type { JWK } from 'jose'
import type { Algorithm } from './algorithms.ts'
import { isObject } from './base64url.ts'
import { type Clock, pause } from './clock.ts'
import type { FeedState } from './freshness.ts'
import type { Platform, SignatureCheck } from './platform.ts'
import type { Telemetry } from './telemetry.ts'
import { TokenBucket } from './token-bucket.ts'
import { BadAnswer, type Fetch, fetchDocument } from './web-requests.ts'

export interface IssuerKeysNeeds {
  /** @param missing an unknown kid, which the request reports to the issuer */
  url(missing?: string): Promise<string>
  algorithms: readonly Algorithm[]
  platform: Platform
  fetch: Fetch
  clock: Clock
  telemetry: Telemetry
  signal: AbortSignal
  /** Decides how long old keys may be used. */
  feedState(): FeedState
}

/** `absent`: the fetched key set has no such key. `unsure`: the key set could not be fetched. */
export type FoundKey = SignatureCheck | 'absent' | 'unsure'

const longestDocument = 1024 * 1024
const mostKeys = 100
/** Without a fresh feed, keys are trusted for as long as in most libraries. */
const staleMs = 600_000
/** A fresh feed reports revoked keys, so keys are trusted longer. */
const staleWhileFreshMs = 86_400_000
const absentMs = 30_000
const mostAbsent = 1_000
const patienceMs = 1_000

export class IssuerKeys {
  readonly #needs: IssuerKeysNeeds
  readonly #bucket: TokenBucket
  #checks = new Map<string, SignatureCheck>()
  #absent = new Map<string, number>()
  #etag: string | undefined
  #readAt: number | undefined
  #maxAgeMs = 300_000
  #reading: Promise<boolean> | undefined
  #version: string | undefined
  #text = ''
  #generation = 0

  constructor(needs: IssuerKeysNeeds) {
    this.#needs = needs
    this.#bucket = new TokenBucket(needs.clock, 3, 5_000)
  }

  get isLoaded(): boolean {
    return this.#readAt !== undefined
  }

  /** Grows with every change of the key set. Tokens that an earlier set verified are verified again. */
  get generation(): number {
    return this.#generation
  }

  /** Are the keys recent enough? The limit is lower while the feed is not FRESH. */
  isUsable(state: FeedState): boolean {
    if (this.#readAt === undefined) return false
    return this.#needs.clock.monotonicMs() - this.#readAt <= (state === 'FRESH' ? staleWhileFreshMs : staleMs)
  }

  /** Refreshes at half the maximum age, or soon after a failure, until the signal is aborted. */
  async keepFresh(): Promise<void> {
    const { signal, clock } = this.#needs
    for (let failures = 0; !signal.aborted; ) {
      const isRead = await this.refresh()
      failures = isRead ? 0 : failures + 1
      const waitMs = isRead ? this.#maxAgeMs / 2 : Math.min(30_000, 250 * 2 ** failures)
      await pause(waitMs * (0.75 + clock.random() / 2), signal)
    }
  }

  /** Fetches the key set when the feed announces a new version. A random delay spreads the requests of all verifiers. */
  async announced(version: string): Promise<void> {
    const { signal, clock } = this.#needs
    const known = this.#version
    this.#version = version
    if (known === undefined || known === version) return
    await pause(clock.random() * 1_000, signal)
    while (!signal.aborted && this.#version === version && !(await this.refresh(true))) {
      await pause(1_000 + clock.random() * 4_000, signal)
    }
  }

  find(kid: string, alg: Algorithm): FoundKey | Promise<FoundKey> {
    if (this.#isTooOld) return this.#after(this.refresh(), kid, alg)
    const known = this.#checks.get(`${alg} ${kid}`)
    if (known) return known
    const absentUntil = this.#absent.get(kid)
    if (absentUntil !== undefined && absentUntil > this.#needs.clock.monotonicMs()) return 'absent'
    if (!this.#reading && !this.#bucket.take()) return 'absent'
    return this.#after(this.refresh(false, kid), kid, alg)
  }

  /** Fetches once for concurrent callers. True on success. @param anew bypasses caches @param missing the unknown kid, if any */
  refresh(anew = false, missing?: string): Promise<boolean> {
    this.#reading ??= this.#read(anew, missing).finally(() => {
      this.#reading = undefined
    })
    return this.#reading
  }

  get #isTooOld(): boolean {
    return !this.isUsable(this.#needs.feedState())
  }

  /** Waits at most a second for a key that may not exist. */
  async #after(reading: Promise<boolean>, kid: string, alg: Algorithm): Promise<FoundKey> {
    const tooLong = new AbortController()
    const isRead = await Promise.race([reading, pause(patienceMs, tooLong.signal).then(() => false)])
    tooLong.abort()
    if (this.#isTooOld) return 'unsure'
    const found = this.#checks.get(`${alg} ${kid}`)
    if (found || !isRead) return found ?? 'unsure'
    if (this.#absent.size >= mostAbsent) this.#absent.clear()
    this.#absent.set(kid, this.#needs.clock.monotonicMs() + absentMs)
    return 'absent'
  }

  async #read(anew: boolean, missing: string | undefined): Promise<boolean> {
    const { url, fetch, clock, telemetry, signal } = this.#needs
    telemetry.count('jwksFetches')
    try {
      const headers: Record<string, string> = { accept: 'application/json, application/jwk-set+json' }
      if (this.#etag !== undefined) headers['if-none-match'] = this.#etag
      if (anew) headers['cache-control'] = 'no-cache'
      const from = await url(missing)
      const { response, bytes } = await fetchDocument(
        fetch,
        from,
        { headers, timeoutMs: 5_000, signal },
        longestDocument,
      )
      if (response.status !== 304) {
        if (response.status !== 200) throw new BadAnswer(from, response)
        await this.#take(new TextDecoder().decode(bytes))
        this.#etag = response.headers.get('etag') ?? undefined
      }
      this.#maxAgeMs = maxAgeOf(response)
      this.#readAt = clock.monotonicMs()
      return true
    } catch (error) {
      if (signal.aborted) return false
      telemetry.count('jwksFailures')
      telemetry.emit({ type: 'failure', what: 'jwks', error })
      return false
    }
  }

  async #take(text: string): Promise<void> {
    const { algorithms, platform } = this.#needs
    if (text === this.#text) return
    const document: unknown = JSON.parse(text)
    if (!isObject(document) || !Array.isArray(document.keys)) throw new Error('the response is not a key set')
    const checks = new Map<string, SignatureCheck>()
    for (const jwk of document.keys.slice(0, mostKeys)) {
      if (!isObject(jwk) || typeof jwk.kid !== 'string') continue
      for (const alg of algorithms) {
        const check = await platform.signatureCheck(jwk as JWK, alg)
        if (check) checks.set(`${alg} ${jwk.kid}`, check)
      }
    }
    this.#checks = checks
    this.#text = text
    this.#generation += 1
    for (const kid of this.#absent.keys()) if (this.#knows(kid)) this.#absent.delete(kid)
  }

  #knows(kid: string): boolean {
    return this.#needs.algorithms.some((alg) => this.#checks.has(`${alg} ${kid}`))
  }
}

/** From half a minute to an hour. */
function maxAgeOf(response: Response): number {
  const [, seconds] = /(?:^|[\s,])max-age=(\d{1,9})/.exec(response.headers.get('cache-control') ?? '') ?? []
  return Math.min(3_600, Math.max(30, Number(seconds ?? 300))) * 1000
}
