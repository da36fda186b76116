/** Client secrets: 256 random bits, shown once; only the SHA-256 is kept, so a stolen dump opens nothing. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Failure } from '../errors/failure.ts'
import { guessBits } from '../guessing/guessing.ts'
import type { Client } from './client.ts'
import type { NewClient } from './client-store.ts'

/** `clv_` lets secret scanners find one that was committed somewhere. */
export const newClientSecret = (): string => `clv_${randomBytes(32).toString('base64url')}`

// A secret of full entropy needs no slow hash; one that an administrator brings must withstand as many guesses (`leastSecretBits`).
export const digestOfSecret = (secret: string): Uint8Array => hash('sha256', secret, 'buffer')

// Stands for a secret that a client does not have, so that the comparison takes the same time.
const noDigest = new Uint8Array(32)

/**
 * Is this the client's secret, or the one before its last rotation while that is still accepted? Compares with both
 * digests in constant time. False when the client has no secret.
 */
export function isClientSecret(
  { secretDigest, previousSecret }: Pick<Client, 'secretDigest' | 'previousSecret'>,
  presented: unknown,
  now: number = Date.now(),
): boolean {
  if (typeof presented !== 'string' || presented === '' || presented.length > 1024) return false
  if (secretDigest?.length !== 32) return false
  const digest = digestOfSecret(presented)
  const isPresent = timingSafeEqual(secretDigest, digest)
  const isPrevious = timingSafeEqual(previousSecret?.digest ?? noDigest, digest)
  return isPresent || (isPrevious && previousSecret !== undefined && now < previousSecret.until.getTime())
}

/** What the engine is told as `client_secret`: names the digest, and is itself no secret that opens anything. */
export const secretPlaceholder = (digest: Uint8Array | undefined): string =>
  `sha256:${digest ? Buffer.from(digest).toString('base64url') : 'none'}`

/** What is wrong with a secret brought along, as a phrase, or undefined. */
export function ownSecretFault(secret: unknown): string | undefined {
  if (typeof secret !== 'string') return 'it must be text'
  if (secret.length < 32)
    return 'it must have at least 32 characters, drawn at random; leave it out to get a strong one made'
  if (secret.length > 512) return 'it must have at most 512 characters'
  // RFC 6749 Appendix A.2: VSCHAR
  if (!/^[\x20-\x7e]+$/.test(secret)) return 'it may hold printable ASCII characters only'
  if (guessBits(secret) < leastSecretBits) {
    return 'it can be guessed: words, repeats and runs are not random; leave it out to get a strong one made, or use `openssl rand -hex 32`'
  }
  return undefined
}

/** A secret is kept under a fast hash, so guesses against a stolen dump cost nothing. 32 random hex digits have 128 bits. */
const leastSecretBits = 100

/** Digest of a secret that an administrator brought by stdin or file. @throws Failure `client_invalid`. */
export function ownSecretDigest(secret: string): Uint8Array {
  const fault = ownSecretFault(secret)
  if (fault)
    throw new Failure('client_invalid', 'invalid', `The client secret cannot be used: ${fault}.`, {
      detail: { faults: [fault] },
    })
  return digestOfSecret(secret)
}

export const needsSecret = (client: Pick<Client, 'tokenEndpointAuthMethod'>): boolean =>
  client.tokenEndpointAuthMethod.startsWith('client_secret')

/** Gives a client that needs a secret and has none a new one; `secret` is the only copy there will ever be. */
export function withFreshSecret(client: NewClient): { client: NewClient; secret: string | undefined } {
  if (!needsSecret(client) || client.secretDigest) return { client, secret: undefined }
  const secret = newClientSecret()
  return { client: { ...client, secretDigest: digestOfSecret(secret) }, secret }
}
