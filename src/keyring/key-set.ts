/** What the rest of the program sees of the keys. */
import type { JWK } from 'jose'

export interface KeySet {
  /** Changes whenever anything below does. */
  readonly version: string
  /** Private JWKs for the engine: per algorithm the signing key first, then retired ones (to verify id_token_hint). With kid, alg, use. */
  readonly engineJwks: { keys: JWK[] }
  /** The public JWKS as served: pending, active and retired keys; signature keys only; each with kid, alg, use; no private member. */
  readonly publicJwks: { keys: JWK[] }
  /** Seconds that a cache may keep `publicJwks`, computed from the schedule; at most 300. */
  readonly maxAgeSeconds: number
  /** Algorithms that have an active key. */
  readonly algorithms: readonly string[]
}

export interface KeySetSource {
  current(): KeySet
  /** Called after every change, with the new set. Returns the way to stop listening. */
  onChange(listener: (set: KeySet) => void): () => void
}
