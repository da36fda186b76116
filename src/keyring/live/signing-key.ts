/** One signing key as it is stored: its state and the time of each change. */
import type { JWK } from 'jose'

/** pending: published, does not sign yet. active: signs. retired: only verifies. removed, revoked: not in the JWKS. */
export type KeyState = 'pending' | 'active' | 'retired' | 'removed' | 'revoked'

export interface SigningKey {
  kid: string
  alg: string
  state: KeyState
  publicJwk: JWK
  /** The wrapped private key; null once removed or revoked. */
  sealed: string | null
  /** Fingerprint of the key-encryption key that wraps it. */
  fingerprint: string
  createdAt: Date
  /** When it was first published in the JWKS. */
  publishAt: Date
  /** When the publish lead ends. From then on the key may sign. */
  promotableAt: Date
  /** When an operator's request makes it sign, ahead of the schedule. */
  promoteAt: Date | null
  /** Since when, as a standby, it may have signed for a canary. */
  canaryAt: Date | null
  activeAt: Date | null
  retiredAt: Date | null
  /** By this time everything that it signed has expired. */
  removableAt: Date | null
  removedAt: Date | null
  revokedAt: Date | null
  /** The reason for its current state: `first key`, `schedule`, `emergency: …`, `imported`. */
  reason: string | null
}

/** Marks a step that skips the publish lead. The database requires this mark. */
export const emergency = (why: string): string => `emergency: ${why}`

/** In the JWKS. */
export const isPublished = (key: Pick<SigningKey, 'state'>): boolean =>
  key.state === 'pending' || key.state === 'active' || key.state === 'retired'

export const findActive = (keys: readonly SigningKey[], alg: string): SigningKey | undefined =>
  keys.find((key) => key.alg === alg && key.state === 'active')

export const findStandby = (keys: readonly SigningKey[], alg: string): SigningKey | undefined =>
  keys.find((key) => key.alg === alg && key.state === 'pending')
