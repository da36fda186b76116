/** Nonces for DPoP proofs (RFC 9449 §9): an HMAC of the time, equal on every instance with the same secret. */
import { base64url } from 'jose'
import type { Clock } from './clock.ts'

const spanSeconds = 60

export class ProofNonces {
  readonly #clock: Clock
  readonly #key: ReturnType<typeof crypto.subtle.importKey>
  #made = new Map<number, string>()

  constructor(secret: string, clock: Clock) {
    this.#clock = clock
    const bytes = new TextEncoder().encode(secret)
    this.#key = crypto.subtle.importKey('raw', bytes, { name: 'HMAC', hash: 'SHA-256' }, false, ['sign'])
  }

  /** The nonce for the client. */
  current(): Promise<string> {
    return this.#of(this.#span)
  }

  /** Accepts the current and the previous nonce, at most two minutes old. */
  async isValid(nonce: unknown): Promise<boolean> {
    return nonce === (await this.#of(this.#span)) || nonce === (await this.#of(this.#span - 1))
  }

  get #span(): number {
    return Math.floor(this.#clock.wallMs() / 1000 / spanSeconds)
  }

  async #of(span: number): Promise<string> {
    const known = this.#made.get(span)
    if (known) return known
    const text = new TextEncoder().encode(`claviger dpop nonce ${span}`)
    const nonce = base64url.encode(new Uint8Array(await crypto.subtle.sign('HMAC', await this.#key, text)))
    if (this.#made.size > 4) this.#made.clear()
    this.#made.set(span, nonce)
    return nonce
  }
}
