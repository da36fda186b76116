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
}

/** RFC 7518 §3.4 wants ECDSA's r and s side by side; §3.5 a salt as long as the digest. */
const methods: Record<SigningAlgorithm, Method> = {
  ES256: { digest: 'sha256', options: { dsaEncoding: 'ieee-p1363' } },
  ES384: { digest: 'sha384', options: { dsaEncoding: 'ieee-p1363' } },
  RS256: { digest: 'sha256' },
  PS256: { digest: 'sha256', options: { padding: constants.RSA_PKCS1_PSS_PADDING, saltLength: 32 } },
  EdDSA: { digest: null },
  'ML-DSA-65': { digest: null },
}

/**
 * The JWS signature over `data`, made on libuv's threads. Measured over HTTP on
 * two cores, that beats signing at once even for ES256, whose signature is the
 * cheapest: the event loop is what a busy node has least of.
 */
export function signingWith(privateJwk: JWK, alg: string): Sign {
  const { digest, options } = methods[getSigningAlgorithm(alg)]
  const key: KeyObject = createPrivateKey({ key: privateJwk as JsonWebKey, format: 'jwk' })
  const input = { ...options, key }
  return (data) =>
    new Promise((resolve, reject) => {
      sign(digest, data, input, (error, signature) => (error ? reject(error) : resolve(signature)))
    })
}
