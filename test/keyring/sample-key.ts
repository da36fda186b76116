/** One row of a signing key, and the times of the keyring tests. */

import type { KeyTimes } from '../../src/keyring/cycle/key-times.ts'
import type { SigningKey } from '../../src/keyring/live/signing-key.ts'
import type { NewKey } from '../../src/keyring/vaults/key-vault.ts'

export const HOUR = 3600
export const DAY = 24 * HOUR

export const times: KeyTimes = {
  rotationIntervalSeconds: 30 * DAY,
  publishLeadSeconds: DAY,
  longestTokenSeconds: 600,
  longestSessionSeconds: 7 * DAY,
  skewSeconds: 60,
}

export const later = (at: Date, seconds: number): Date => new Date(at.getTime() + seconds * 1000)

/** A standby created at `at` with a lead of a day. `changes` may turn it into any other key. */
export const sampleKey = (kid: string, at: Date, changes: Partial<SigningKey> = {}): SigningKey => ({
  kid,
  alg: 'ES256',
  state: 'pending',
  publicJwk: { kty: 'EC', crv: 'P-256', x: kid, y: kid, kid, alg: 'ES256', use: 'sig' },
  sealed: `sealed ${kid}`,
  fingerprint: '0011223344556677',
  createdAt: at,
  publishAt: at,
  promotableAt: later(at, DAY),
  promoteAt: null,
  canaryAt: null,
  activeAt: changes.state === 'active' ? at : null,
  retiredAt: null,
  removableAt: null,
  removedAt: null,
  revokedAt: null,
  reason: null,
  ...changes,
})

/** The stored row of a key that a vault has created. */
export const rowOf = ({ kid, publicJwk, sealed }: NewKey, alg: string) => ({
  kid,
  alg,
  publicJwk,
  sealed: sealed.jwe,
  fingerprint: sealed.fingerprint,
})
