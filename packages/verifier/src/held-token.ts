/** A token whose signature and claims hold, with all that is needed to look at it again in no time. */
import type { Marks } from './marks.ts'
import { confirmationOf, type OpenedJws } from './token-text.ts'
import type { VerifiedToken } from './verdict.ts'

export interface HeldToken {
  readonly token: VerifiedToken
  readonly kid: string
  /** From `nbf` and `iat`, in seconds. */
  readonly notBefore: number
  /** SHA-256 of its text, in hexadecimal digits. */
  readonly hash: string
  /** Bound to a DPoP key, to a certificate. */
  readonly jkt: unknown
  readonly x5t: unknown
  /** Bound to something that we do not know how to check. */
  readonly isBoundElsewise: boolean
  /** Of the key set that verified it: with another one it is verified anew. */
  readonly keys: number
  marks: Marks | undefined
  /** What was known of revocations when it was last found to hold. */
  checkedVersion: number
}

export function heldToken({ header, payload }: OpenedJws, hash: string, keys: number): HeldToken {
  const cnf = confirmationOf(payload)
  const nbf = typeof payload.nbf === 'number' ? payload.nbf : 0
  const token: VerifiedToken = Object.freeze({
    claims: deepFreeze(payload),
    subject: String(payload.sub),
    clientId: String(payload.client_id),
    scopes: new Set(typeof payload.scope === 'string' ? payload.scope.split(' ').filter((scope) => scope) : []),
    expiresAt: Number(payload.exp),
  })
  return {
    token,
    kid: header.kid,
    // Our clock may be a moment behind the issuer's.
    notBefore: Math.max(nbf, Number(payload.iat) - 1),
    hash,
    jkt: cnf?.jkt,
    x5t: cnf?.['x5t#S256'],
    isBoundElsewise: payload.cnf !== undefined && cnf?.jkt === undefined && cnf?.['x5t#S256'] === undefined,
    keys,
    marks: undefined,
    checkedVersion: -1,
  }
}

function deepFreeze<T extends object>(value: T): T {
  for (const inner of Object.values(value)) if (typeof inner === 'object' && inner !== null) deepFreeze(inner)
  return Object.freeze(value)
}
