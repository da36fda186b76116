/** Verifies one request, step by step, cheap checks first. */
import type { Algorithm } from './algorithms.ts'
import { certificateThumbprint } from './certificate.ts'
import { type ClaimRules, claimsFault, timeFault } from './claims-check.ts'
import type { Clock } from './clock.ts'
import type { ProofChecker } from './dpop.ts'
import type { FeedState } from './freshness.ts'
import { type HeldToken, heldToken } from './held-token.ts'
import type { Introspection } from './introspection.ts'
import type { IssuerKeys } from './issuer-keys.ts'
import { type Kind, marksOf, revokedBy } from './marks.ts'
import type { Platform } from './platform.ts'
import { type Credentials, credentialsOf, isSeveral, type VerifyRequest } from './request.ts'
import { type Requirements, unmet } from './requirements.ts'
import type { RevocationList } from './revocation-list.ts'
import type { Telemetry } from './telemetry.ts'
import type { TokenCache } from './token-cache.ts'
import { isAccessTokenType, longestToken, openJws } from './token-text.ts'
import { type RefusalReason, type Refused, refuse, unavailable, type Verdict } from './verdict.ts'

export interface TokenVerifierNeeds {
  rules: ClaimRules
  algorithms: readonly Algorithm[]
  platform: Platform
  clock: Clock
  keys: IssuerKeys
  cache: TokenCache<HeldToken>
  /** Undefined when no feed is followed. */
  list: RevocationList | undefined
  feedState(): FeedState
  failOpen: boolean
  proofs: ProofChecker
  certificateRequired: boolean
  introspection: Introspection | undefined
  telemetry: Telemetry
}

/** The token, or the reason why it is invalid in any request. */
type Found = HeldToken | Exclude<RefusalReason, 'unavailable'> | 'unavailable'

export class TokenVerifier {
  readonly #needs: TokenVerifierNeeds

  constructor(needs: TokenVerifierNeeds) {
    this.#needs = needs
  }

  async verify(request: VerifyRequest, requirements: Requirements): Promise<Verdict> {
    const credentials = credentialsOf(request.authorization)
    if (typeof credentials === 'string') {
      return this.#refuse(credentials === 'none' ? 'no_token' : 'malformed_request')
    }
    const state = this.#needs.feedState()
    const quick = this.#fromCache(credentials.token, state)
    const found = quick instanceof Promise ? await quick : quick
    if (typeof found === 'string') return this.#refuse(found, credentials)
    return this.#judge(found, credentials, request, requirements, state)
  }

  /** Returns a valid token, for `watch`. */
  async find(token: string): Promise<HeldToken | undefined> {
    const found = await this.#fromCache(token, this.#needs.feedState())
    return typeof found === 'string' ? undefined : found
  }

  /** The kind of entry that revokes a token, if any. Skipped when no revocation came since the last check. */
  revokedBy(held: HeldToken): Kind | undefined {
    const { list } = this.#needs
    if (!list || !held.marks || held.checkedVersion === list.revoked.version) return undefined
    const by = revokedBy(held.marks, list.revoked)
    if (by === undefined) held.checkedVersion = list.revoked.version
    return by
  }

  /** Checked for every request. */
  timeFault(held: HeldToken): 'expired' | 'not_yet_valid' | undefined {
    const { clock, rules } = this.#needs
    return timeFault(held.token.expiresAt, held.notBefore, clock.wallMs() / 1000, rules.tolerance)
  }

  #fromCache(token: string, state: FeedState): Found | Promise<Found> {
    if (token.length > longestToken) return 'malformed_token'
    const hash = this.#needs.platform.hash(token)
    if (typeof hash !== 'string') return hash.then((name) => this.#known(name, state) ?? this.#open(token, name))
    return this.#known(hash, state) ?? this.#open(token, hash)
  }

  #known(hash: string, state: FeedState): HeldToken | undefined {
    const { cache, keys, list, telemetry } = this.#needs
    const held = cache.get(hash)
    if (!held) return undefined
    if (held.keys !== keys.generation || !keys.isUsable(state)) return undefined
    // The keys were computed before the salt was known, so the token is verified again.
    if (list && held.marks?.salts !== list.salts.length) return undefined
    telemetry.counters.cacheHits += 1
    return held
  }

  /** Verifies a token's text: shape, algorithm, type and issuer before the key and the signature. */
  async #open(text: string, hash: string): Promise<Found> {
    const { algorithms, rules, keys, platform, list, cache, telemetry } = this.#needs
    telemetry.count('cacheMisses')
    const jws = openJws(text)
    if (!jws) return isSeveral(text) ? 'malformed_request' : 'malformed_token'
    const alg = algorithms.find((one) => one === jws.header.alg)
    if (!alg) return 'wrong_algorithm'
    if (!isAccessTokenType(jws.header.typ)) return 'wrong_type'
    if (jws.payload.iss !== rules.issuer) return 'wrong_issuer'
    const generation = keys.generation
    const found = keys.find(jws.header.kid, alg)
    const isSigned = found instanceof Promise ? await found : found
    if (isSigned === 'unsure') return 'unavailable'
    if (isSigned === 'absent') return 'unknown_key'
    const signed = isSigned(jws)
    if (!(typeof signed === 'boolean' ? signed : await signed)) return 'bad_signature'
    const fault = claimsFault(jws.payload, rules)
    if (fault) return fault
    const held = heldToken(jws, hash, found instanceof Promise ? keys.generation : generation)
    if (list) held.marks = await marksOf(jws.payload, jws.header.kid, list.salts, platform)
    if (!this.timeFault(held)) cache.set(hash, held)
    return held
  }

  /** Synchronous when no further request or proof is needed, as for most requests. */
  #judge(
    held: HeldToken,
    credentials: Credentials,
    request: VerifyRequest,
    requirements: Requirements,
    state: FeedState,
  ): Verdict | Promise<Verdict> {
    const time = this.timeFault(held)
    if (time) {
      if (time === 'expired') this.#needs.cache.delete(held.hash)
      return this.#refuse(time, credentials)
    }
    const by = this.revokedBy(held)
    if (by) return this.#revoked(held, by, credentials)
    const isUnbound = credentials.scheme === 'Bearer' && held.jkt === undefined && held.x5t === undefined
    const isPlain = isUnbound && !held.isBoundElsewise && !this.#wantsBinding
    const mayDecide = state === 'FRESH' && requirements.introspect !== true
    if (isPlain && mayDecide) return this.#admit(held, credentials, requirements, state)
    return this.#judgeSlowly(held, credentials, request, requirements, state)
  }

  async #judgeSlowly(
    held: HeldToken,
    credentials: Credentials,
    request: VerifyRequest,
    requirements: Requirements,
    state: FeedState,
  ): Promise<Verdict> {
    const active = await this.#ask(credentials.token, requirements, state)
    if (active === false) return this.#revoked(held, 'introspection', credentials)
    if (active === undefined) return this.#refuse('unavailable')
    const refused = await this.#binding(held, credentials, request)
    if (refused) return refused
    // A revocation may have arrived during the steps above.
    const since = this.revokedBy(held)
    return since ? this.#revoked(held, since, credentials) : this.#admit(held, credentials, requirements, state)
  }

  #admit(held: HeldToken, credentials: Credentials, requirements: Requirements, state: FeedState): Verdict {
    const { clock, rules, telemetry } = this.#needs
    const missing = unmet(held.token, requirements, clock, rules.tolerance)
    if (missing) return this.#refuse(missing.reason, credentials, missing.parameters)
    telemetry.counters.accepted += 1
    return { ok: true, token: held.token, state }
  }

  /** True: active, or no question needed. False: not active. Undefined: cannot be determined. */
  async #ask(token: string, { introspect, sensitivity }: Requirements, state: FeedState): Promise<boolean | undefined> {
    const { introspection, failOpen } = this.#needs
    const isHigh = sensitivity === 'high'
    const mustAsk = introspect === true || (isHigh && (state === 'STALE' || state === 'OFF'))
    if (mustAsk) return introspection?.isActive(token)
    if (state === 'COLD') return undefined
    if (state === 'BLIND') return failOpen && !isHigh ? true : undefined
    return true
  }

  get #wantsBinding(): boolean {
    return this.#needs.proofs.mode === 'required' || this.#needs.certificateRequired
  }

  async #binding(held: HeldToken, credentials: Credentials, request: VerifyRequest): Promise<Refused | undefined> {
    const { proofs, certificateRequired, platform } = this.#needs
    const { jkt, x5t } = held
    if (held.isBoundElsewise) return this.#refuse('binding', credentials)
    if (x5t !== undefined || certificateRequired) {
      const { certificate } = request
      const shown = typeof certificate === 'function' ? certificate() : certificate
      const thumbprint = shown && (await certificateThumbprint(shown, platform))
      if (thumbprint === undefined || thumbprint !== x5t) return this.#refuse('binding', credentials)
    }
    if (jkt === undefined) {
      // A bearer token under the DPoP scheme, or where proofs are required (RFC 9449 §7.1).
      const isRefused = credentials.scheme === 'DPoP' || proofs.mode === 'required'
      return isRefused ? this.#refuse('binding', credentials) : undefined
    }
    if (credentials.scheme !== 'DPoP' || proofs.mode === 'off' || typeof jkt !== 'string') {
      return this.#refuse('binding', { ...credentials, scheme: proofs.mode === 'off' ? 'Bearer' : 'DPoP' })
    }
    return this.#proof(held, jkt, credentials, request)
  }

  async #proof(held: HeldToken, thumbprint: string, credentials: Credentials, request: VerifyRequest) {
    const { proofs, telemetry } = this.#needs
    const { method = '', url = '', dpop } = request
    const result = await proofs.check(dpop, { method, url, tokenHash: held.hash, thumbprint })
    if (result === 'holds') return undefined
    if (result === 'full') return this.#refuse('unavailable')
    if (result === 'replayed') telemetry.emit({ type: 'proof-replayed', claims: held.token.claims })
    if (result !== 'nonce') return this.#refuse('bad_proof', credentials)
    return this.#refuse('proof_nonce', credentials, {}, { 'DPoP-Nonce': (await proofs.nonces?.current()) ?? '' })
  }

  #revoked(held: HeldToken, by: Kind | 'introspection', credentials: Credentials): Refused {
    this.#needs.cache.delete(held.hash)
    this.#needs.telemetry.emit({ type: 'revoked', by, claims: held.token.claims })
    return this.#refuse('revoked', credentials)
  }

  #refuse(
    reason: RefusalReason,
    credentials?: Credentials,
    parameters?: Record<string, string>,
    headers?: Record<string, string>,
  ): Refused {
    const { telemetry, proofs } = this.#needs
    telemetry.countRefused(reason)
    if (reason === 'unavailable') return unavailable()
    const offered = { off: ['Bearer'], allowed: ['Bearer', 'DPoP'], required: ['DPoP'] } as const
    const schemes = credentials ? [credentials.scheme] : offered[proofs.mode]
    return refuse(reason, { schemes, proofAlgorithms: proofs.algorithms }, parameters, headers)
  }
}
