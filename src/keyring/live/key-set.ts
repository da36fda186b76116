/** What the rest of the program sees of the keys. */
import type { JWK } from 'jose'

export interface KeySet {
  /** Changes whenever anything below does. */
  readonly version: string
  /** For the engine: per algorithm the key that signs first, then retired ones (to verify id_token_hint). */
  readonly signers: readonly KeySigner[]
  /** They verify what they have signed for a canary. */
  readonly standbys: readonly StandbySigner[]
  /** The public JWKS as served: pending, active and retired keys; signature keys only; each with kid, alg, use; no private member. */
  readonly publicJwks: { keys: JWK[] }
  /** Seconds that a cache may keep `publicJwks` from now on, computed from the schedule; at most 300, 0 at a promotion. Read it for each answer. */
  readonly maxAgeSeconds: number
  /** Seconds for which a cache may go on with it after that, while it fetches anew. */
  readonly staleSeconds?: number
  /** The app for which a standby signs first. */
  readonly canary?: string | undefined
  /** Algorithms that have an active key. */
  readonly algorithms: readonly string[]
  /** When the soonest promotion is due by the database's clock. */
  readonly nextRotationAt?: Date | undefined
}

/** A private key to whoever uses it: what it is for, and a way to have it sign. */
export interface KeySigner {
  kid: string
  alg: string
  publicJwk: JWK
  /** The JWS signature over `data` (ECDSA as r and s). */
  sign(data: Uint8Array): Promise<Uint8Array>
}

export interface StandbySigner extends KeySigner {
  /** The canary, whose tokens alone it signs; `null`: nobody's. */
  onlyFor: string | null
}

export interface KeySetSource {
  current(): KeySet
  /** Called after every change, with the new set. Returns the way to stop listening. */
  onChange(listener: (set: KeySet) => void): () => void
}
