/** The keys that may sign the feed: the pinned keys or, without pins, those of the discovery document. */
import { calculateJwkThumbprint, type JWK } from 'jose'
import { isObject } from './base64url.ts'
import type { Clock } from './clock.ts'
import type { Platform, SignatureCheck } from './platform.ts'

export interface FeedKeysNeeds {
  /** Thumbprints (RFC 7638, SHA-256) or whole keys; undefined trusts the discovery document. */
  pinned: readonly (string | JWK)[] | undefined
  /** Fetches `revocation_feed_jwks`. */
  published(): Promise<readonly unknown[]>
  platform: Platform
  clock: Clock
}

const askEveryMs = 30_000
const mostKeys = 16

export class FeedKeys {
  readonly #needs: FeedKeysNeeds
  #known = new Map<string, SignatureCheck>()
  #askedAt = Number.NEGATIVE_INFINITY
  #asking: Promise<void> | undefined

  constructor(needs: FeedKeysNeeds) {
    this.#needs = needs
  }

  async find(kid: string): Promise<SignatureCheck | undefined> {
    const known = this.#known.get(kid)
    if (known) return known
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = undefined
    })
    await this.#asking
    return this.#known.get(kid)
  }

  /** Fetches at most every 30 s, so that forged kids cause no load. A failed fetch is retried at the next frame. */
  async #ask(): Promise<void> {
    const { pinned, published, clock } = this.#needs
    const jwks = pinned?.filter((pin): pin is JWK => isObject(pin)) ?? []
    if (this.#known.size === 0) await this.#learn(jwks)
    if (pinned && jwks.length === pinned.length) return
    if (clock.monotonicMs() - this.#askedAt < askEveryMs) return
    await this.#learn(await published())
    this.#askedAt = clock.monotonicMs()
  }

  async #learn(candidates: readonly unknown[]): Promise<void> {
    const { pinned, platform } = this.#needs
    const learnt = new Map<string, SignatureCheck>()
    for (const jwk of candidates.slice(0, mostKeys)) {
      if (!isObject(jwk) || jwk.kty !== 'RSA') continue
      const thumbprint = await calculateJwkThumbprint(jwk as JWK)
      const isPinned = pinned?.some((pin) => (typeof pin === 'string' ? pin === thumbprint : pin === jwk)) ?? true
      const check = isPinned ? await platform.signatureCheck(jwk as JWK, 'RS256') : undefined
      if (check) learnt.set(thumbprint, check)
    }
    // Pinned keys stay trusted; without pins, a key is trusted only while it is published.
    this.#known = pinned ? new Map([...this.#known, ...learnt]) : learnt
  }
}
