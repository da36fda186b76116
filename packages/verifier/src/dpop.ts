/** DPoP (RFC 9449): the sender of a bound token proves possession of the key. Verified for every request. */
import { base64url, calculateJwkThumbprint, type JWK } from 'jose'
import { type Algorithm, isAlgorithm } from './algorithms.ts'
import { isObject, jsonObject } from './base64url.ts'
import type { Clock } from './clock.ts'
import type { Platform, SignatureCheck } from './platform.ts'
import { ProofMemory } from './proof-memory.ts'
import { ProofNonces } from './proof-nonce.ts'

export interface DpopOptions {
  /** `off`: bound tokens are refused. `allowed` (default): bound tokens need a proof. `required`: only bound tokens are accepted. */
  mode?: 'off' | 'allowed' | 'required'
  /** Algorithms of proofs; by default ES256, Ed25519, EdDSA, PS256 and RS256. */
  algorithms?: readonly Algorithm[]
  /** Maximum difference in seconds between `iat` of a proof and this clock. Default 60. */
  maxAge?: number
  /** A secret that all instances share. With it, proofs must contain a nonce from this API. */
  nonceSecret?: string
  /** Scheme and host as clients see them, for an API behind a proxy: `https://api.example`. */
  publicOrigin?: string
  /** Maximum of proofs remembered against replay; beyond it, requests get 503. Default 500,000. */
  maxProofs?: number
}

export interface ProofNeeds {
  method: string
  url: string
  /** SHA-256 of the token, in hexadecimal digits. */
  tokenHash: string
  /** `cnf.jkt` of the token. */
  thumbprint: string
}

export type ProofResult = 'holds' | 'bad' | 'replayed' | 'nonce' | 'full'

const longestProof = 8_192
const shape = /^[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+$/
const mostKeys = 1_000
const privateMembers = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv']

export class ProofChecker {
  readonly mode: 'off' | 'allowed' | 'required'
  readonly algorithms: readonly Algorithm[]
  readonly nonces: ProofNonces | undefined
  readonly #maxAge: number
  readonly #publicOrigin: string | undefined
  readonly #memory: ProofMemory
  readonly #platform: Platform
  readonly #clock: Clock
  readonly #keys = new Map<string, SignatureCheck>()

  constructor(options: DpopOptions, platform: Platform, clock: Clock) {
    this.mode = options.mode ?? 'allowed'
    this.algorithms = options.algorithms ?? ['ES256', 'Ed25519', 'EdDSA', 'PS256', 'RS256']
    this.#maxAge = options.maxAge ?? 60
    this.#publicOrigin = options.publicOrigin
    this.nonces = options.nonceSecret === undefined ? undefined : new ProofNonces(options.nonceSecret, clock)
    this.#memory = new ProofMemory(clock, (2 * this.#maxAge + 1) * 1000, options.maxProofs ?? 500_000)
    this.#platform = platform
    this.#clock = clock
  }

  async check(proof: unknown, { method, url, tokenHash, thumbprint }: ProofNeeds): Promise<ProofResult> {
    if (typeof proof !== 'string' || proof.length > longestProof || !shape.test(proof)) return 'bad'
    const [headerPart = '', payloadPart = ''] = proof.split('.')
    const header = jsonObject(headerPart)
    const payload = jsonObject(payloadPart)
    if (!header || !payload || header.typ !== 'dpop+jwt' || 'crit' in header) return 'bad'
    const { alg, jwk } = header
    if (!isAlgorithm(alg) || !this.algorithms.includes(alg) || !isObject(jwk)) return 'bad'
    if (privateMembers.some((member) => member in jwk)) return 'bad'
    const isSigned = await this.#keyOf(jwk as JWK, alg, thumbprint)
    if (!(await isSigned?.({ text: proof, signedLength: proof.lastIndexOf('.') }))) return 'bad'
    const { htm, htu, ath, iat, jti, nonce } = payload
    if (htm !== method || ath !== fromHex(tokenHash) || !isSameUrl(htu, url, this.#publicOrigin)) return 'bad'
    if (typeof jti !== 'string' || jti === '' || jti.length > 512 || typeof iat !== 'number') return 'bad'
    if (Math.abs(this.#clock.wallMs() / 1000 - iat) > this.#maxAge) return 'bad'
    if (this.nonces && !(await this.nonces.isValid(nonce))) return 'nonce'
    // Hashed, so that long `jti` values need no more memory.
    const remembered = this.#memory.remember(await this.#platform.hash(`${thumbprint} ${jti}`))
    return remembered === 'new' ? 'holds' : remembered
  }

  /** The check of the key to which the token is bound, or undefined for another key. Cached. */
  async #keyOf(jwk: JWK, alg: Algorithm, thumbprint: string): Promise<SignatureCheck | undefined> {
    try {
      if ((await calculateJwkThumbprint(jwk)) !== thumbprint) return undefined
      const name = `${alg} ${thumbprint}`
      const known = this.#keys.get(name)
      if (known) return known
      const check = await this.#platform.signatureCheck({ ...jwk, alg, use: undefined, key_ops: undefined }, alg)
      if (check) {
        if (this.#keys.size >= mostKeys) this.#keys.clear()
        this.#keys.set(name, check)
      }
      return check
    } catch {
      return undefined // an invalid key: the proof is invalid
    }
  }
}

/** `ath` is base64url (RFC 9449 §4.2). */
const fromHex = (digits: string): string =>
  base64url.encode(Uint8Array.from(digits.match(/../g) ?? [], (pair) => Number.parseInt(pair, 16)))

/** RFC 9449 §4.3: without query and fragment, after normalisation. */
function isSameUrl(given: unknown, url: string, publicOrigin: string | undefined): boolean {
  if (typeof given !== 'string' || !URL.canParse(given) || !URL.canParse(url)) return false
  const [one, other] = [new URL(given), new URL(url)]
  return one.origin === (publicOrigin ?? other.origin) && one.pathname === other.pathname
}
