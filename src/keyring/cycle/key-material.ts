/** Key pairs: creates them, separates public from private members, and names them. */
import {
  CompactSign,
  calculateJwkThumbprint,
  compactVerify,
  exportJWK,
  generateKeyPair,
  importJWK,
  type JWK,
} from 'jose'
import type { SigningAlgorithm } from './algorithms.ts'

const PRIVATE_MEMBERS = ['d', 'p', 'q', 'dp', 'dq', 'qi', 'oth', 'k', 'priv'] as const
const PUBLIC_MEMBERS = ['kty', 'crv', 'x', 'y', 'e', 'n', 'pub'] as const

export interface KeyPair {
  kid: string
  publicJwk: JWK
  /** With kid, alg and use, as the engine expects. Never logged, never stored unwrapped. */
  privateJwk: JWK
}

export async function newKeyPair(alg: SigningAlgorithm): Promise<KeyPair> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true, modulusLength: 2048 })
  return keyPairOf(await exportJWK(privateKey), alg)
}

/** Names a private key by its RFC 7638 thumbprint (or by the given kid) and derives its public half. */
export async function keyPairOf(privateJwk: JWK, alg: string, kid?: string): Promise<KeyPair> {
  const name = kid ?? (await calculateJwkThumbprint(privateJwk))
  const header = { kid: name, alg, use: 'sig' }
  const { key_ops: _, ext: __, ...material } = privateJwk
  return { kid: name, publicJwk: { ...publicMembers(privateJwk), ...header }, privateJwk: { ...material, ...header } }
}

/** The public members, selected by name, so that an unknown member is never published. */
export const publicMembers = (jwk: JWK): JWK =>
  Object.fromEntries(PUBLIC_MEMBERS.flatMap((name) => (jwk[name] === undefined ? [] : [[name, jwk[name]]])))

export const isPrivate = (jwk: object): boolean => PRIVATE_MEMBERS.some((member) => member in jwk)

/** Whether the two halves belong together, checked with a signature. */
export async function isPair(privateJwk: JWK, publicJwk: JWK, alg: string): Promise<boolean> {
  try {
    const jws = await new CompactSign(new TextEncoder().encode('claviger key check'))
      .setProtectedHeader({ alg })
      .sign(await importJWK(privateJwk, alg))
    await compactVerify(jws, await importJWK(publicJwk, alg))
    return true
  } catch {
    return false // any reason means the same: not a usable pair
  }
}
