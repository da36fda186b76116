/**
 * The keys that sign the feed, and nothing else: who steals one can deny and not
 * admit. There are always two, so that a verifier can pin the next one long
 * before it signs. Each is a deployment secret, which rests sealed.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { Failure } from '../errors/failure.ts'

/** Met by the keyring's `DeploymentSecrets`. */
export interface FeedSecrets {
  /** Newest first; the first is made where there is none. */
  all(name: string, make: () => Promise<Uint8Array>): Promise<{ secrets: readonly FeedSecret[]; now: Date }>
  /** Adds a generation; false when another did at the same moment. */
  renew(name: string, make: () => Promise<Uint8Array>): Promise<boolean>
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

const secretName = 'revocation-feed-key'
const generateKeyPairLater = promisify(generateKeyPair)

/** The newest generation is the next key, the one before it signs. */
export async function openFeedKeys(secrets: FeedSecrets): Promise<FeedKeys> {
  let { secrets: found } = await secrets.all(secretName, newFeedSecret)
  if (found.length < 2) {
    await secrets.renew(secretName, newFeedSecret) // false when another node just did
    found = (await secrets.all(secretName, newFeedSecret)).secrets
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
  const { secrets: found, now } = await secrets.all(secretName, newFeedSecret)
  const ripeAt = new Date(Number(found[0]?.createdAt ?? now) + leadMs)
  if (!hurried && now < ripeAt) throw tooNew(next, ripeAt)
  if (dryRun) return { current: next, next: undefined }
  await secrets.renew(secretName, newFeedSecret)
  const { secrets: renewed } = await secrets.all(secretName, newFeedSecret)
  for (const { generation } of renewed.slice(2)) await secrets.forget(secretName, generation)
  return openFeedKeys(secrets)
}

const tooNew = ({ kid }: FeedKey, ripeAt: Date): Failure =>
  new Failure(
    'feed_key_too_new',
    'conflict',
    `The next feed key, ${kid}, may not sign before ${ripeAt.toISOString()}: receivers that pin feed keys need that time to pin it. Pin it there and wait, or say --now if the present one leaked.`,
  )

/**
 * RSA, though it signs five times slower than P-256: one node signs a frame and thousands of
 * verifiers check it, which takes them a third of the time.
 * @returns the private key as PKCS #8
 */
export async function newFeedSecret(): Promise<Uint8Array> {
  const { privateKey } = await generateKeyPairLater('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'der' },
    publicKeyEncoding: { type: 'spki', format: 'der' },
  })
  return privateKey
}

/** @param secret from `newFeedSecret`: the same key on every node. */
export async function feedKeyFrom(secret: Uint8Array): Promise<FeedKey> {
  const privateKey = createPrivateKey({ key: Buffer.from(secret), type: 'pkcs8', format: 'der' })
  const publicJwk = createPublicKey(privateKey).export({ format: 'jwk' }) as JWK
  const kid = await calculateJwkThumbprint(publicJwk)
  return { kid, publicJwk: { ...publicJwk, kid, alg: 'RS256', use: 'sig' }, privateKey }
}
