/** One signing key as it is kept: where it stands in its life, and since when. */
import type { JWK } from 'jose'

/** pending: published, signs nothing yet. active: signs. retired: only verifies. removed, revoked: gone from the JWKS. */
export type KeyState = 'pending' | 'active' | 'retired' | 'removed' | 'revoked'

export interface SigningKey {
  kid: string
  alg: string
  state: KeyState
  publicJwk: JWK
  /** The wrapped private key; null once removed or revoked. */
  sealed: string | null
  /** Fingerprint of what it is wrapped under. */
  fingerprint: string
  createdAt: Date
  /** When it first stood in the JWKS. */
  publishAt: Date
  /** The publish lead is over: from here on it may sign. */
  promotableAt: Date
  /** An operator asked for it to sign from here on, ahead of the schedule. */
  promoteAt: Date | null
  /** As a standby it may have signed for a canary since then. */
  canaryAt: Date | null
  activeAt: Date | null
  retiredAt: Date | null
  /** Nothing that it signed can be alive after this. */
  removableAt: Date | null
  removedAt: Date | null
  revokedAt: Date | null
  /** Why it is where it is: `first key`, `schedule`, `emergency: …`, `imported`. */
  reason: string | null
}

/** What marks a step that skips the publish lead; the database asks for it too. */
export const emergency = (why: string): string => `emergency: ${why}`

/** In the JWKS. */
export const isPublished = (key: Pick<SigningKey, 'state'>): boolean =>
  key.state === 'pending' || key.state === 'active' || key.state === 'retired'

export const findActive = (keys: readonly SigningKey[], alg: string): SigningKey | undefined =>
  keys.find((key) => key.alg === alg && key.state === 'active')

export const findStandby = (keys: readonly SigningKey[], alg: string): SigningKey | undefined =>
  keys.find((key) => key.alg === alg && key.state === 'pending')
