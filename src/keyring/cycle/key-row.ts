/** One signing key as an administrator sees it, without the private key. */
import type { KeyState, SigningKey } from '../live/signing-key.ts'

export interface KeyRow {
  kid: string
  alg: string
  state: KeyState
  createdAt: Date
  publishAt: Date
  activeAt: Date | undefined
  /** Since when, as a standby, it may have signed for a canary. */
  canaryAt: Date | undefined
  retiredAt: Date | undefined
  removableAt: Date | undefined
  reason: string | undefined
}

export const rowOf = (key: SigningKey): KeyRow => ({
  kid: key.kid,
  alg: key.alg,
  state: key.state,
  createdAt: key.createdAt,
  publishAt: key.publishAt,
  activeAt: key.activeAt ?? undefined,
  canaryAt: key.canaryAt ?? undefined,
  retiredAt: key.retiredAt ?? undefined,
  removableAt: key.removableAt ?? undefined,
  reason: key.reason ?? undefined,
})
