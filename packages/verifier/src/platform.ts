/**
 * The differences of Node and fetch runtimes: Node hashes and verifies
 * synchronously; fetch runtimes have Web Crypto, where every step is a promise.
 */
import type { JWK } from 'jose'
import type { Algorithm } from './algorithms.ts'

export interface Platform {
  /** SHA-256 in hexadecimal digits, the fastest form in Node. */
  hash(text: string): string | Promise<string>
  digest(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** Writes the feed's key of this value: the first 16 bytes of SHA-256 over salt ‖ kind ‖ value. */
  keyOf(salt: Uint8Array, kind: number, value: string, into: Uint8Array, at: number): void | Promise<void>
  /** Undefined when the key does not suit the algorithm. */
  signatureCheck(jwk: JWK, alg: Algorithm): Promise<SignatureCheck | undefined>
}

/** Is the signature of this compact JWS valid? */
export type SignatureCheck = (jws: CompactJws) => boolean | Promise<boolean>

export interface CompactJws {
  /** Header, payload and signature with their dots. */
  text: string
  /** Length of header and payload with the dot between. */
  signedLength: number
}

/** Node's crypto if available, else Web Crypto through jose. */
export async function findPlatform(): Promise<Platform> {
  const node = await nodeCrypto()
  if (node) return (await import('./node-platform.ts')).nodePlatform(node)
  return (await import('./web-platform.ts')).webPlatform
}

/** Imported dynamically, so that the package loads in runtimes without `node:crypto`. */
async function nodeCrypto(): Promise<typeof import('node:crypto') | undefined> {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  if (process?.getBuiltinModule) {
    return process.getBuiltinModule('node:crypto') as typeof import('node:crypto') | undefined
  }
  if (!process) return undefined
  try {
    return await import('node:crypto')
  } catch {
    return undefined // a runtime with `process` and without `node:crypto`
  }
}
