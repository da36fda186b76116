/** The signature algorithms a deployment may use, and which JWK belongs to each. */
import { Failure } from '../../errors/failure.ts'

/** In the order of the JWKS: the algorithm that every verifier supports first, ML-DSA last. */
export const SIGNING_ALGORITHMS = ['ES256', 'RS256', 'PS256', 'ES384', 'EdDSA', 'ML-DSA-65'] as const

export type SigningAlgorithm = (typeof SIGNING_ALGORITHMS)[number]

/** ES256 is the default of the presets; RS256 is required of every provider (OpenID Connect Core §15.1). */
export const ALWAYS_ON: readonly SigningAlgorithm[] = ['ES256', 'RS256']

export const isSigningAlgorithm = (value: string): value is SigningAlgorithm =>
  (SIGNING_ALGORITHMS as readonly string[]).includes(value)

/** @throws Failure `signing_algorithm_unknown` */
export function getSigningAlgorithm(value: string): SigningAlgorithm {
  if (isSigningAlgorithm(value)) return value
  const known = SIGNING_ALGORITHMS.join(', ')
  throw new Failure(
    'signing_algorithm_unknown',
    'invalid',
    `There is no signing algorithm ${JSON.stringify(value.slice(0, 40))}; choose one of ${known}.`,
  )
}

/** The algorithms that are always on and those switched on, without duplicates, in the order of the JWKS. */
export const algorithmsInUse = (switchedOn: readonly string[] = []): SigningAlgorithm[] => {
  const wanted = new Set<SigningAlgorithm>([...ALWAYS_ON, ...switchedOn.map(getSigningAlgorithm)])
  return SIGNING_ALGORITHMS.filter((alg) => wanted.has(alg))
}

/** Position of an algorithm in the JWKS. Unknown ones (of a newer release) are last. */
export const rankOfAlgorithm = (alg: string): number =>
  isSigningAlgorithm(alg) ? SIGNING_ALGORITHMS.indexOf(alg) : SIGNING_ALGORITHMS.length

/** The algorithms that a key can be used with, by its type and curve; empty when none is supported. */
export function algorithmsFor(jwk: {
  kty?: string | undefined
  crv?: string | undefined
  alg?: string | undefined
}): SigningAlgorithm[] {
  if (jwk.kty === 'RSA') return ['RS256', 'PS256']
  if (jwk.kty === 'EC' && jwk.crv === 'P-256') return ['ES256']
  if (jwk.kty === 'EC' && jwk.crv === 'P-384') return ['ES384']
  if (jwk.kty === 'OKP' && jwk.crv === 'Ed25519') return ['EdDSA']
  if (jwk.kty === 'AKP' && jwk.alg === 'ML-DSA-65') return ['ML-DSA-65']
  return []
}
