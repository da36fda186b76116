/** Signs with a private key of this process. Callers get a function that signs and cannot read the key. */
import { createPrivateKey, type JsonWebKey, type KeyObject, sign, webcrypto } from 'node:crypto'
import type { JWK } from 'jose'
import { getSigningAlgorithm, type SigningAlgorithm } from '../cycle/algorithms.ts'

export type Sign = (data: Uint8Array) => Promise<Uint8Array>

interface Method {
  name: string
  namedCurve?: string
  hash?: string
  saltLength?: number
}

/**
 * RFC 7518 §3.4, §3.5 (the salt is as long as the digest), RFC 8037, RFC 9964. WebCrypto returns ECDSA's r and s
 * concatenated, as JWS requires.
 */
const methods: Record<Exclude<SigningAlgorithm, 'ES256'>, Method> = {
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
  EdDSA: { name: 'Ed25519' },
  'ML-DSA-65': { name: 'ML-DSA-65' },
}

/**
 * The JWS signature over `data`. ES256 is computed synchronously: with a bare key and no options, Node 24 needs half
 * the time of a hand-over to another thread (decision 0013). The slower algorithms use WebCrypto on libuv's threads.
 */
export function signingWith(privateJwk: JWK, alg: string): Sign {
  const algorithm = getSigningAlgorithm(alg)
  const key = createPrivateKey({ key: privateJwk as JsonWebKey, format: 'jwk' })
  return algorithm === 'ES256' ? signingP256(key) : signingOnThreadPool(key, methods[algorithm])
}

const signingP256 =
  (key: KeyObject): Sign =>
  async (data) =>
    rawSignature(sign('sha256', data, key))

function signingOnThreadPool(privateKey: KeyObject, method: Method): Sign {
  const key = privateKey.toCryptoKey(method, false, ['sign'])
  return async (data) => new Uint8Array(await webcrypto.subtle.sign(method, key, data as Uint8Array<ArrayBuffer>))
}

/**
 * OpenSSL's P-256 signature is an ASN.1 sequence of two integers. JWS needs r and s in 32 bytes each (RFC 7518 §3.4).
 */
function rawSignature(der: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  const secondAt = 4 + (der[3] ?? 0)
  place(der.subarray(4, secondAt), signature.subarray(0, 32))
  place(der.subarray(secondAt + 2), signature.subarray(32))
  return signature
}

/** An ASN.1 integer has no leading zeros except the one that keeps it positive. */
function place(integer: Uint8Array, into: Uint8Array): void {
  const digits = integer.length > into.length ? integer.subarray(1) : integer
  into.set(digits, into.length - digits.length)
}
