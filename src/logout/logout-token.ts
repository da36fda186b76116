/** The signed token that informs an app of an ended session. */
import { randomUUID } from 'node:crypto'
import { Failure } from '../errors/failure.ts'
import type { KeySet } from '../keyring/live/key-set.ts'
import { signedJwt } from '../keyring/live/signed-jwt.ts'
import type { LogoutDelivery } from './logout.ts'

/** §2.6 of the specification recommends at most two minutes. */
const lifeSeconds = 120

/**
 * A logout token (OpenID Connect Back-Channel Logout 1.0 §2.4), signed by the active key. Each try has its own `jti`.
 * Otherwise an app that remembers `jti` values would refuse the second try as a replay when the first response was
 * lost.
 * @throws Failure `logout_key_missing` when no key signs with the app's algorithm
 */
export async function newLogoutToken(
  delivery: LogoutDelivery,
  { issuer, keys, now }: { issuer: string; keys: Pick<KeySet, 'signers'>; now: Date },
): Promise<string> {
  const signer = keys.signers.find(({ alg }) => alg === delivery.alg)
  if (!signer) {
    throw new Failure(
      'logout_key_missing',
      'unavailable',
      `No key signs with ${delivery.alg}: add it to CLAVIGER_SIGNING_ALGORITHMS, or give the client another ID token algorithm.`,
    )
  }
  const iat = Math.floor(now.getTime() / 1000)
  return signedJwt(signer, 'logout+jwt', {
    iss: issuer,
    aud: delivery.clientId,
    sub: delivery.accountId,
    ...(delivery.namesSession ? { sid: delivery.sid } : {}),
    iat,
    exp: iat + lifeSeconds,
    jti: randomUUID(),
    events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
  })
}
