/**
 * What differs between Node and fetch runtimes: Node hashes and verifies at once
 * and fast, others have Web Crypto, where every step is a promise.
 */
import type { JWK } from 'jose'
import type { Algorithm } from './algorithms.ts'

export interface Platform {
  /** SHA-256 in hexadecimal digits, which is what Node is quickest at. */
  hash(text: string): string | Promise<string>
  digest(bytes: Uint8Array): Uint8Array | Promise<Uint8Array>
  /** Writes the key that a revocation of this value would have: the first 16 bytes of SHA-256 over salt ‖ kind ‖ value. */
  keyOf(salt: Uint8Array, kind: number, value: string, into: Uint8Array, at: number): void | Promise<void>
  /** Undefined for a key that this algorithm cannot use. */
  signatureCheck(jwk: JWK, alg: Algorithm): Promise<SignatureCheck | undefined>
}

/** Is this compact JWS signed by the key? It is given whole and as its three parts. */
export type SignatureCheck = (jws: CompactJws) => boolean | Promise<boolean>

export interface CompactJws {
  /** Header, payload and signature with their dots. */
  text: string
  /** Length of header and payload with the dot between. */
  signedLength: number
}

/** Node's own crypto where there is one, else Web Crypto through jose. */
export async function findPlatform(): Promise<Platform> {
  const node = await nodeCrypto()
  if (node) return (await import('./node-platform.ts')).nodePlatform(node)
  return (await import('./web-platform.ts')).webPlatform
}

/** No static import: the package loads in runtimes that do not know the name. */
async function nodeCrypto(): Promise<typeof import('node:crypto') | undefined> {
  const { process } = globalThis as { process?: { getBuiltinModule?: (name: string) => unknown } }
  if (process?.getBuiltinModule) {
    return process.getBuiltinModule('node:crypto') as typeof import('node:crypto') | undefined
  }
  if (!process) return undefined
  try {
    return await import('node:crypto')
  } catch {
    return undefined // a runtime that calls itself process and has no crypto
  }
}
