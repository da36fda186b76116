/**
 * The keys that sign the feed, and nothing else: who steals one can deny and not
 * admit. There are always two, so that a verifier can pin the next one long
 * before it signs. Each follows from a deployment secret, which rests sealed.
 */
import { createECDH, createPrivateKey, hkdfSync, type KeyObject } from 'node:crypto'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { Failure } from '../errors/failure.ts'

/** Met by the keyring's `DeploymentSecrets`. */
export interface FeedSecrets {
  /** Newest first; the first is made where there is none. */
  all(name: string): Promise<{ secrets: readonly FeedSecret[]; now: Date }>
  /** Adds a generation; false when another did at the same moment. */
  renew(name: string): Promise<boolean>
  forget(name: string, generation: number): Promise<void>
}

export interface FeedSecret {
  generation: number
  secret: Uint8Array
  createdAt: Date
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

/** In milliseconds, what a receiver has to pin the next key before it may sign. */
export interface FeedRotation {
  leadMs: number
  /** Does not wait for that: receivers that have not pinned the next key stop hearing the feed. */
  now?: boolean
  dryRun?: boolean
}

/**
 * The next key begins to sign, and there is a new next one. What signed before is forgotten.
 * @returns the keys from then on; `next` undefined in a dry run, which makes none
 * @throws Failure `feed_key_too_new` before receivers have had the lead to pin the next key
 */
export async function rotateFeedKeys(
  secrets: FeedSecrets,
  { leadMs, now: hurried = false, dryRun = false }: FeedRotation,
): Promise<{ current: FeedKey; next: FeedKey | undefined }> {
  const { next } = await openFeedKeys(secrets)
  const { secrets: found, now } = await secrets.all(secretName)
  const ripeAt = new Date(Number(found[0]?.createdAt ?? now) + leadMs)
  if (!hurried && now < ripeAt) throw tooNew(next, ripeAt)
  if (dryRun) return { current: next, next: undefined }
  await secrets.renew(secretName)
  const { secrets: renewed } = await secrets.all(secretName)
  for (const { generation } of renewed.slice(2)) await secrets.forget(secretName, generation)
  return openFeedKeys(secrets)
}

const tooNew = ({ kid }: FeedKey, ripeAt: Date): Failure =>
  new Failure(
    'feed_key_too_new',
    'conflict',
    `The next feed key, ${kid}, may not sign before ${ripeAt.toISOString()}: receivers that pin feed keys need that time to pin it. Pin it there and wait, or say --now if the present one leaked.`,
  )

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
