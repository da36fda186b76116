/** DPoP (RFC 9449): the sender of a bound token shows that it holds the key. Verified anew for every request. */
import { base64url, calculateJwkThumbprint, type JWK } from 'jose'
import { type Algorithm, isAlgorithm } from './algorithms.ts'
import { isObject, jsonObject } from './base64url.ts'
import type { Clock } from './clock.ts'
import type { Platform, SignatureCheck } from './platform.ts'
import { ProofMemory } from './proof-memory.ts'
import { ProofNonces } from './proof-nonce.ts'

export interface DpopOptions {
  /** `off`: bound tokens are refused. `allowed` (default): they need a proof, others do not. `required`: only bound tokens are taken. */
  mode?: 'off' | 'allowed' | 'required'
  /** Algorithms of proofs; by default ES256, Ed25519, EdDSA, PS256 and RS256. */
  algorithms?: readonly Algorithm[]
  /** How far, in seconds, the time of a proof may be from ours. Default 60. */
  maxAge?: number
  /** With a secret that all instances share, proofs must contain a nonce that this API gave. */
  nonceSecret?: string
  /** Scheme and host that clients see, when a proxy stands before this API: `https://api.example`. */
  publicOrigin?: string
  /** Proofs remembered against replay; when so many came within their time, more are answered with 503. Default 500,000. */
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
    // Hashed, so that a memory of many stays small however long their names are.
    const remembered = this.#memory.remember(await this.#platform.hash(`${thumbprint} ${jti}`))
    return remembered === 'new' ? 'holds' : remembered
  }

  /** Only the key that the token is bound to; it is prepared once. */
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
      return undefined // a key that is none: the proof does not hold
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
