/**
 * The keys that sign the feed, and nothing else: a stolen feed key can revoke tokens, but not issue any. There are
 * always two, so that a verifier can pin the next key long before it signs. Each is a deployment secret, stored
 * sealed.
 */
import { createPrivateKey, createPublicKey, generateKeyPair, type KeyObject } from 'node:crypto'
import { promisify } from 'node:util'
import { calculateJwkThumbprint, type JWK } from 'jose'
import { Failure } from '../errors/failure.ts'

/** Implemented by the keyring's `DeploymentSecrets`. */
export interface FeedSecrets {
  /** Newest first. Creates the first one if there is none. */
  all(name: string, make: () => Promise<Uint8Array>): Promise<{ secrets: readonly FeedSecret[]; now: Date }>
  /** Adds a generation; false when another node added it at the same time. */
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
  /** Signs now. */
  current: FeedKey
  /** Signs after the next rotation. */
  next: FeedKey
}

const secretName = 'revocation-feed-key'
const generateKeyPairAsync = promisify(generateKeyPair)

/** The newest generation is the next key; the one before it signs. */
export async function openFeedKeys(secrets: FeedSecrets): Promise<FeedKeys> {
  let { secrets: found } = await secrets.all(secretName, newFeedSecret)
  if (found.length < 2) {
    await secrets.renew(secretName, newFeedSecret) // false when another node has just added it
    found = (await secrets.all(secretName, newFeedSecret)).secrets
  }
  const [next, current] = found
  if (!next || !current) throw new Error('the feed keys could not be created')
  return { current: await feedKeyFrom(current.secret), next: await feedKeyFrom(next.secret) }
}

/** How to rotate. `leadMs` is the time that receivers have to pin the next key before it signs. */
export interface FeedRotation {
  leadMs: number
  /** Skips the lead: receivers that have not pinned the next key reject the feed. */
  now?: boolean
  dryRun?: boolean
}

/**
 * Makes the next key sign and creates a new next key. Older keys are deleted.
 * @returns the keys after the rotation; `next` is undefined in a dry run, which creates none
 * @throws Failure `feed_key_too_new` before the lead is over
 */
export async function rotateFeedKeys(
  secrets: FeedSecrets,
  { leadMs, now: skipsLead = false, dryRun = false }: FeedRotation,
): Promise<{ current: FeedKey; next: FeedKey | undefined }> {
  const { next } = await openFeedKeys(secrets)
  const { secrets: found, now } = await secrets.all(secretName, newFeedSecret)
  const usableAt = new Date(Number(found[0]?.createdAt ?? now) + leadMs)
  if (!skipsLead && now < usableAt) throw tooNew(next, usableAt)
  if (dryRun) return { current: next, next: undefined }
  await secrets.renew(secretName, newFeedSecret)
  const { secrets: renewed } = await secrets.all(secretName, newFeedSecret)
  for (const { generation } of renewed.slice(2)) await secrets.forget(secretName, generation)
  return openFeedKeys(secrets)
}

const tooNew = ({ kid }: FeedKey, usableAt: Date): Failure =>
  new Failure(
    'feed_key_too_new',
    'conflict',
    `The next feed key, ${kid}, may not sign before ${usableAt.toISOString()}: receivers that pin feed keys need that time to pin it. Pin it there and wait, or add --now if the current key leaked.`,
  )

/**
 * RSA, though it signs five times slower than P-256: one node signs a frame and thousands of verifiers check it, in a
 * third of the time.
 * @returns the private key as PKCS #8
 */
export async function newFeedSecret(): Promise<Uint8Array> {
  const { privateKey } = await generateKeyPairAsync('rsa', {
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
