/**
 * Signing with a private key of this process: to the engine and to a signer's
 * callers a key is something that signs, nothing to be read.
 */
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

/** RFC 7518 §3.4, §3.5 (a salt as long as the digest), RFC 8037, RFC 9964; WebCrypto writes ECDSA's r and s side by side, as JWS does. */
const methods: Record<Exclude<SigningAlgorithm, 'ES256'>, Method> = {
  ES384: { name: 'ECDSA', namedCurve: 'P-384', hash: 'SHA-384' },
  RS256: { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' },
  PS256: { name: 'RSA-PSS', hash: 'SHA-256', saltLength: 32 },
  EdDSA: { name: 'Ed25519' },
  'ML-DSA-65': { name: 'ML-DSA-65' },
}

/**
 * The JWS signature over `data`. ES256 is made at once: with a bare key and no
 * options Node 24 takes half of what another thread and the way there and back
 * take (decision 0013). Whatever takes longer is made by WebCrypto on libuv's threads.
 */
export function signingWith(privateJwk: JWK, alg: string): Sign {
  const algorithm = getSigningAlgorithm(alg)
  const key = createPrivateKey({ key: privateJwk as JsonWebKey, format: 'jwk' })
  return algorithm === 'ES256' ? signingP256(key) : signingLater(key, methods[algorithm])
}

const signingP256 =
  (key: KeyObject): Sign =>
  async (data) =>
    sideBySide(sign('sha256', data, key))

function signingLater(privateKey: KeyObject, method: Method): Sign {
  const key = privateKey.toCryptoKey(method, false, ['sign'])
  return async (data) => new Uint8Array(await webcrypto.subtle.sign(method, key, data as Uint8Array<ArrayBuffer>))
}

/** OpenSSL's signature over P-256 is an ASN.1 sequence of two integers; JWS has r and s in 32 bytes each (RFC 7518 §3.4). */
function sideBySide(der: Uint8Array): Uint8Array {
  const signature = new Uint8Array(64)
  const secondAt = 4 + (der[3] ?? 0)
  place(der.subarray(4, secondAt), signature.subarray(0, 32))
  place(der.subarray(secondAt + 2), signature.subarray(32))
  return signature
}

/** An ASN.1 integer has no leading zeros but the one that keeps it positive. */
function place(integer: Uint8Array, into: Uint8Array): void {
  const digits = integer.length > into.length ? integer.subarray(1) : integer
  into.set(digits, into.length - digits.length)
}
