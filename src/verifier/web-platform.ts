/** Fetch runtimes (workers, edge): Web Crypto, through jose. */
import { base64url, compactVerify, errors, importJWK, type JWK } from 'jose'
import { type Algorithm, suits } from './algorithms.ts'
import type { Platform, SignatureCheck } from './platform.ts'

const encoder = new TextEncoder()

export const webPlatform: Platform = {
  hash: async (text) => base64url.encode(await digest(encoder.encode(text))),
  digest,
  signatureCheck,
}

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
