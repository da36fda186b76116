/** Node: synchronous hashes and signatures, at half the cost of Web Crypto. */
import type * as NodeCrypto from 'node:crypto'
import type { JWK } from 'jose'
import { type Algorithm, suits } from './algorithms.ts'
import type { Platform, SignatureCheck } from './platform.ts'

type Crypto = typeof NodeCrypto

export function nodePlatform(crypto: Crypto): Platform {
  // One call instead of three objects; available since Node 20.12.
  const hash = crypto.hash as Crypto['hash'] | undefined
  return {
    hash: hash
      ? (text) => hash('sha256', text, 'hex')
      : (text) => crypto.createHash('sha256').update(text).digest('hex'),
    digest: hash
      ? (bytes) => hash('sha256', bytes, 'buffer')
      : (bytes) => crypto.createHash('sha256').update(bytes).digest(),
    keyOf: hash ? (salt, kind, value, into, at) => keyOf(crypto, salt, kind, value, into, at) : keyBySteps,
    signatureCheck: async (jwk, alg) => signatureCheck(crypto, jwk, alg),
  }

  function keyBySteps(salt: Uint8Array, kind: number, value: string, into: Uint8Array, at: number): void {
    const digest = crypto.createHash('sha256').update(salt).update(Uint8Array.of(kind)).update(value).digest()
    into.set(digest.subarray(0, 16), at)
  }
}

/** Called seven times per new token. A digest as text takes a third of the time of one as bytes. */
function keyOf(crypto: Crypto, salt: Uint8Array, kind: number, value: string, into: Uint8Array, at: number): void {
  const bytes = Buffer.allocUnsafe(salt.length + 1 + value.length * 3)
  bytes.set(salt)
  bytes[salt.length] = kind
  const written = bytes.write(value, salt.length + 1)
  const digest = crypto.hash('sha256', bytes.subarray(0, salt.length + 1 + written), 'binary')
  for (let index = 0; index < 16; index += 1) into[at + index] = digest.charCodeAt(index)
}

function signatureCheck(crypto: Crypto, jwk: JWK, alg: Algorithm): SignatureCheck | undefined {
  if (!suits(jwk, alg)) return undefined
  const key = crypto.createPublicKey({ key: jwk as NodeCrypto.JsonWebKey, format: 'jwk' })
  const digest = digestOf(alg)
  const signatureBytes = ecdsaBytes[alg]
  const how = alg.startsWith('PS') ? { key, ...pss(crypto) } : key
  return ({ text, signedLength }) => {
    const signed = Buffer.from(text.slice(0, signedLength), 'latin1')
    const signature = Buffer.from(text.slice(signedLength + 1), 'base64url')
    if (signatureBytes === undefined) return crypto.verify(digest, signed, how, signature)
    // In Node, a bare key with a DER signature takes a third less time than a key with options.
    return signature.length === signatureBytes && crypto.verify(digest, signed, key, derSignature(signature))
  }
}

const ecdsaBytes: Partial<Record<Algorithm, number>> = { ES256: 64, ES384: 96, ES512: 132 }

const pss = (crypto: Crypto) => ({
  padding: crypto.constants.RSA_PKCS1_PSS_PADDING,
  saltLength: crypto.constants.RSA_PSS_SALTLEN_DIGEST,
})

/** Converts an ECDSA signature from two numbers, as in JWS (RFC 7518 §3.4), to ASN.1 for OpenSSL. */
function derSignature(raw: Buffer): Buffer {
  const half = raw.length >> 1
  const [r, s] = [derNumber(raw.subarray(0, half)), derNumber(raw.subarray(half))]
  const length = r.length + s.length
  return Buffer.concat([length < 128 ? Buffer.of(0x30, length) : Buffer.of(0x30, 0x81, length), r, s])
}

/** Without leading zeros, except one that keeps it positive. */
function derNumber(bytes: Buffer): Buffer {
  let start = 0
  while (start < bytes.length - 1 && bytes[start] === 0) start += 1
  const digits = bytes.subarray(start)
  const sign = (digits[0] ?? 0) >= 128 ? [0] : []
  return Buffer.concat([Buffer.of(2, digits.length + sign.length, ...sign), digits])
}

/** Ed25519 and ML-DSA include their digest. */
const digestOf = (alg: Algorithm) => (/^(?:ES|RS|PS)\d/.test(alg) ? `sha${alg.slice(2)}` : null)
