/**
 * Signing with a private key of this process, by WebCrypto: to the engine and
 * to a signer's callers a key is something that signs, nothing to be read.
 */
import { createPrivateKey, type JsonWebKey, webcrypto } from 'node:crypto'
import type { JWK } from 'jose'
import { getSigningAlgorithm, type SigningAlgorithm } from './algorithms.ts'

export type Sign = (data: Uint8Array) => Promise<Uint8Array>

interface Method {
  name: string
  namedCurve?: string
  hash?: string
  saltLength?: number
}

/** RFC 7518 §3.4, §3.5 (a salt as long as the digest), RFC 8037, RFC 9964; WebCrypto writes ECDSA's r and s side by side, as JWS does. */
const methods: Record<SigningAlgorithm, Method> = {
  ES256: { name: 'ECDSA', namedCurve: 'P-256', hash: 'SHA-256' },
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
  EdDSA: { name: 'Ed25519' },
  'ML-DSA-65': { name: 'ML-DSA-65' },
}

/**
 * The JWS signature over `data`, made on libuv's threads: the event loop is what
 * a busy node has least of. Measured on Node 24, WebCrypto hands a signature over
 * at two thirds of what a callback of `crypto.sign` costs the event loop.
 */
export function signingWith(privateJwk: JWK, alg: string): Sign {
  const method = methods[getSigningAlgorithm(alg)]
  const key = createPrivateKey({ key: privateJwk as JsonWebKey, format: 'jwk' }).toCryptoKey(method, false, ['sign'])
  return async (data) => new Uint8Array(await webcrypto.subtle.sign(method, key, data as Uint8Array<ArrayBuffer>))
}
