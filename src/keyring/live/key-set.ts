/** The signing keys as the rest of the program sees them. */
import type { JWK } from 'jose'

export interface KeySet {
  /** Changes when the keys or their states change. */
  readonly version: string
  /** For the engine: for each algorithm the active key first, then retired keys (to verify id_token_hint). */
  readonly signers: readonly KeySigner[]
  /** The standbys, which verify what they have signed for a canary. */
  readonly standbys: readonly StandbySigner[]
  /**
   * The public JWKS as served: pending, active and retired keys; signature keys only; each with kid, alg, use; no
   * private member.
   */
  readonly publicJwks: { keys: JWK[] }
  /**
   * Seconds for which a cache may keep `publicJwks` from now, computed from the schedule: at most 300, 0 at a
   * promotion. Read it for each response.
   */
  readonly maxAgeSeconds: number
  /** Seconds after `maxAgeSeconds` for which a cache may serve a stale copy while it fetches a new one. */
  readonly staleSeconds?: number
  /** The app for which a standby signs first. */
  readonly canary?: string | undefined
  /** Algorithms that have an active key. */
  readonly algorithms: readonly string[]
  /** When the soonest promotion is due by the database's clock. */
  readonly nextRotationAt?: Date | undefined
}

/** A private key as its callers see it: public members and a function that signs. */
export interface KeySigner {
  kid: string
  alg: string
  publicJwk: JWK
  /** The JWS signature over `data` (ECDSA as r and s). */
  sign(data: Uint8Array): Promise<Uint8Array>
}

export interface StandbySigner extends KeySigner {
  /** The canary, the only app for which this key signs; `null` when it signs for no app. */
  onlyFor: string | null
}

export interface KeySetSource {
  current(): KeySet
  /** Calls the listener after every change with the new set. @returns a function that removes the listener */
  onChange(listener: (set: KeySet) => void): () => void
}
