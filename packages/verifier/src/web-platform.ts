/** Fetch runtimes (workers, edge): Web Crypto, through jose. */
import { compactVerify, errors, importJWK, type JWK } from 'jose'
import { type Algorithm, suits } from './algorithms.ts'
import type { Platform, SignatureCheck } from './platform.ts'

const encoder = new TextEncoder()

export const webPlatform: Platform = {
  hash: async (text) => hex(await digest(encoder.encode(text))),
  digest,
  keyOf,
  signatureCheck,
}

async function keyOf(salt: Uint8Array, kind: number, value: string, into: Uint8Array, at: number): Promise<void> {
  const text = encoder.encode(value)
  const bytes = new Uint8Array(salt.length + 1 + text.length)
  bytes.set(salt)
  bytes[salt.length] = kind
  bytes.set(text, salt.length + 1)
  into.set((await digest(bytes)).subarray(0, 16), at)
}

const hex = (bytes: Uint8Array) => Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')

async function digest(bytes: Uint8Array): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest('SHA-256', bytes as Uint8Array<ArrayBuffer>))
}

async function signatureCheck(jwk: JWK, alg: Algorithm): Promise<SignatureCheck | undefined> {
  if (!suits(jwk, alg)) return undefined
  const key = await importJWK({ ...jwk, alg }, alg)
  return async ({ text }) => {
    try {
      await compactVerify(text, key, { algorithms: [alg] })
      return true
    } catch (error) {
      if (error instanceof errors.JOSEError) return false
      throw error
    }
  }
}
