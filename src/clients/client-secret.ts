/** Client secrets: 256 random bits, shown once. Only the SHA-256 is stored, so a stolen dump contains no usable secret. */
import { hash, randomBytes, timingSafeEqual } from 'node:crypto'
import { Failure } from '../errors/failure.ts'
import { guessBits } from '../guessing/guessing.ts'
import type { Client } from './client.ts'
import type { NewClient } from './client-store.ts'

/** The prefix `clv_` lets secret scanners find a committed secret. */
export const newClientSecret = (): string => `clv_${randomBytes(32).toString('base64url')}`

// A random secret of 256 bits needs no slow hash; a secret from an administrator needs `leastSecretBits`.
export const digestOfSecret = (secret: string): Uint8Array => hash('sha256', secret, 'buffer')

// Replaces a missing previous digest, so that the comparison takes the same time.
const noDigest = new Uint8Array(32)

/**
 * Is this the client's secret, or its previous secret during the overlap? Compares with both digests in constant
 * time. False when the client has no secret.
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

/** The `client_secret` for the engine: it names the digest and is itself no valid secret. */
export const secretPlaceholder = (digest: Uint8Array | undefined): string =>
  `sha256:${digest ? Buffer.from(digest).toString('base64url') : 'none'}`

/** The fault of a secret from an administrator, as a phrase, or undefined. */
export function ownSecretFault(secret: unknown): string | undefined {
  if (typeof secret !== 'string') return 'it must be text'
  if (secret.length < 32) return 'it must have at least 32 random characters; leave it out to let Claviger make one'
  if (secret.length > 512) return 'it must have at most 512 characters'
  // RFC 6749 Appendix A.2: VSCHAR
  if (!/^[\x20-\x7e]+$/.test(secret)) return 'it may hold printable ASCII characters only'
  if (guessBits(secret) < leastSecretBits) {
    return 'it can be guessed: words, repeats and runs are not random; leave it out to let Claviger make one, or use `openssl rand -hex 32`'
  }
  return undefined
}

/** A secret is stored as a fast hash, so guesses against a stolen dump are cheap. 32 random hex digits have 128 bits. */
const leastSecretBits = 100

/** Digest of a secret that an administrator supplied by stdin or file. @throws Failure `client_invalid`. */
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

/** Makes a secret for a client that needs one and has none. `secret` is the only copy and is not stored. */
export function withFreshSecret(client: NewClient): { client: NewClient; secret: string | undefined } {
  if (!needsSecret(client) || client.secretDigest) return { client, secret: undefined }
  const secret = newClientSecret()
  return { client: { ...client, secretDigest: digestOfSecret(secret) }, secret }
}
