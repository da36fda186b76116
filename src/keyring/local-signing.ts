/**
 * Signing with a private key of this process, by `node:crypto`: to the engine
 * and to a signer's callers a key is something that signs, nothing to be read.
 */
import {
  constants,
  createPrivateKey,
  type JsonWebKey,
  type KeyObject,
  type SignKeyObjectInput,
  sign,
} from 'node:crypto'
import type { JWK } from 'jose'
import { getSigningAlgorithm, type SigningAlgorithm } from './algorithms.ts'

export type Sign = (data: Uint8Array) => Promise<Uint8Array>

interface Method {
  digest: string | null
  options?: Omit<SignKeyObjectInput, 'key'>
  /** Milliseconds rather than microseconds, so off the event loop. */
  isSlow?: boolean
}

/** RFC 7518 §3.4 wants ECDSA's r and s side by side; §3.5 a salt as long as the digest. */
const methods: Record<SigningAlgorithm, Method> = {
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  ES384: { digest: 'sha384', options: { dsaEncoding: 'ieee-p1363' }, isSlow: true },
  RS256: { digest: 'sha256', isSlow: true },
  PS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 }, isSlow: true },
  EdDSA: { digest: null },
  'ML-DSA-65': { digest: null, isSlow: true },
}

/**
 * The JWS signature over `data`. ES256 and EdDSA sign at once: their twenty-odd
 * microseconds cost less than handing the work to another thread and back.
 */
export function signingWith(privateJwk: JWK, alg: string): Sign {
  const { digest, options, isSlow } = methods[getSigningAlgorithm(alg)]
  const key: KeyObject = createPrivateKey({ key: privateJwk as JsonWebKey, format: 'jwk' })
  const input = { ...options, key }
  if (!isSlow) return async (data) => sign(digest, data, input)
  return (data) =>
    new Promise((resolve, reject) => {
      sign(digest, data, input, (error, signature) => (error ? reject(error) : resolve(signature)))
    })
}
