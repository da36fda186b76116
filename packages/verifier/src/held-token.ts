/** A token with valid signature and claims, with the values that later checks need. */
import type { Marks } from './marks.ts'
import { confirmationOf, type OpenedJws } from './token-text.ts'
import type { VerifiedToken } from './verdict.ts'

export interface HeldToken {
  readonly token: VerifiedToken
  readonly kid: string
  /** From `nbf` and `iat`, in seconds. */
  readonly notBefore: number
  /** SHA-256 of the token's text, in hexadecimal digits. */
  readonly hash: string
  /** The DPoP key and the certificate to which the token is bound. */
  readonly jkt: unknown
  readonly x5t: unknown
  /** Bound by a method that this verifier cannot check. */
  readonly isBoundElsewise: boolean
  /** Generation of the key set that verified the token. A new generation verifies it again. */
  readonly keys: number
  marks: Marks | undefined
  /** Version of the revoked set at the last check that found no revocation. */
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
    // This clock may be up to a second behind the issuer's.
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
