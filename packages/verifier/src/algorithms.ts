/** Asymmetric signature algorithms by their JOSE names (RFC 7518, RFC 8037, RFC 9864). `none` is not included. */
import type { JWK } from 'jose'

export const algorithms = [
  'ES256',
  'ES384',
  'ES512',
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'EdDSA',
  'Ed25519',
  'ML-DSA-44',
  'ML-DSA-65',
  'ML-DSA-87',
] as const

export type Algorithm = (typeof algorithms)[number]

export const isAlgorithm = (value: unknown): value is Algorithm => algorithms.includes(value as Algorithm)

const curves: Record<string, string> = { ES256: 'P-256', ES384: 'P-384', ES512: 'P-521' }

/** May this key be used with this algorithm? A key with `alg` is used with that algorithm only. */
export function suits(jwk: JWK, alg: Algorithm): boolean {
  if (jwk.use !== undefined && jwk.use !== 'sig') return false
  if (Array.isArray(jwk.key_ops) && !jwk.key_ops.includes('verify')) return false
  if (jwk.alg !== undefined && jwk.alg !== alg && !(isEd25519(jwk.alg) && isEd25519(alg))) return false
  if (isEd25519(alg)) return jwk.kty === 'OKP' && jwk.crv === 'Ed25519'
  if (alg.startsWith('ML-DSA')) return jwk.kty === 'AKP' && jwk.alg === alg
  if (alg.startsWith('ES')) return jwk.kty === 'EC' && jwk.crv === curves[alg]
  return jwk.kty === 'RSA' && typeof jwk.n === 'string' && jwk.n.length >= shortestModulus
}

/** EdDSA is the older name of Ed25519, the only curve in use with it. */
const isEd25519 = (alg: string) => alg === 'EdDSA' || alg === 'Ed25519'

/** 2048 bits in base64url. */
const shortestModulus = 342
