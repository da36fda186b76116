/**
 * The keys that sign the feed, and nothing else: who steals one can deny and not
 * admit. There are always two, so that a verifier can pin the next one long
 * before it signs. Each follows from a deployment secret, which rests sealed.
 */
import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'

/** Met by the keyring's `DeploymentSecrets`. */
export interface FeedSecrets {
  /** Newest first; the first is made where there is none. */
  all(name: string): Promise<{ secrets: readonly { generation: number; secret: Uint8Array }[] }>
  /** Adds a generation. */
  renew(name: string): Promise<boolean>
}

export interface FeedKey {
  kid: string
  publicJwk: JWK
  privateKey: KeyObject
}

export interface FeedKeys {
  /** Signs. */
  current: FeedKey
  /** Signs after the next rotation. */
  next: FeedKey
}

const secretName = 'revocation-feed'

/** The newest generation is the next key, the one before it signs. */
export async function openFeedKeys(secrets: FeedSecrets): Promise<FeedKeys> {
  let { secrets: found } = await secrets.all(secretName)
  if (found.length < 2) {
    await secrets.renew(secretName) // false when another node just did
    found = (await secrets.all(secretName)).secrets
  }
  const [next, current] = found
  if (!next || !current) throw new Error('the feed keys could not be made')
  return { current: await feedKeyFrom(current.secret), next: await feedKeyFrom(next.secret) }
}

/** The next key begins to sign, and there is a new next one. */
export async function rotateFeedKeys(secrets: FeedSecrets): Promise<void> {
  await secrets.renew(secretName)
}

const order = 0xffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551n

/** A P-256 key from 32 random bytes: the same on every node. FIPS 186-5 §A.2.1: 64 bits more than the order, so no bias. */
export async function feedKeyFrom(secret: Uint8Array): Promise<FeedKey> {
  const wide = Buffer.from(hkdfSync('sha256', secret, '', 'claviger revocation feed key v1', 40))
  const scalar = (BigInt(`0x${wide.toString('hex')}`) % (order - 1n)) + 1n
  const d = Buffer.from(scalar.toString(16).padStart(64, '0'), 'hex')
  const curve = createECDH('prime256v1')
  curve.setPrivateKey(d)
  const point = curve.getPublicKey()
  const x = point.subarray(1, 33).toString('base64url')
  const y = point.subarray(33).toString('base64url')
  const publicJwk = { kty: 'EC', crv: 'P-256', x, y }
  const kid = await calculateJwkThumbprint(publicJwk)
  return {
    kid,
    publicJwk: { ...publicJwk, kid, alg: 'ES256', use: 'sig' },
    privateKey: createPrivateKey({ key: { ...publicJwk, d: d.toString('base64url') }, format: 'jwk' }),
  }
}
