/** The published keys and their order in the JWKS. */
import { createHash } from 'node:crypto'
import type { JWK } from 'jose'
import { Failure } from '../../errors/failure.ts'
import { rankOfAlgorithm } from '../cycle/algorithms.ts'
import { publicMembers } from '../cycle/key-material.ts'
import { isPublished, type KeyState, type SigningKey } from './signing-key.ts'

const STATE_ORDER: readonly KeyState[] = ['active', 'pending', 'retired', 'revoked', 'removed']

/**
 * Classical algorithms first, ML-DSA last. For each algorithm: the active key, the standby, then retired keys, newest
 * first.
 */
export const inOrder = <T extends Pick<SigningKey, 'alg' | 'state' | 'createdAt' | 'kid'>>(keys: readonly T[]): T[] =>
  [...keys].sort(
    (a, b) =>
      rankOfAlgorithm(a.alg) - rankOfAlgorithm(b.alg) ||
      STATE_ORDER.indexOf(a.state) - STATE_ORDER.indexOf(b.state) ||
      Number(b.createdAt) - Number(a.createdAt) ||
      a.kid.localeCompare(b.kid),
  )

/** The public JWKS: signature keys only, each with kid, alg, use and its public members. */
export const publicJwksOf = (keys: readonly SigningKey[]): { keys: JWK[] } => ({
  keys: inOrder(keys.filter(isPublished)).map(({ kid, alg, publicJwk }) => ({
    ...publicMembers(publicJwk),
    kid,
    alg,
    use: 'sig',
  })),
})

/** Changes when a key is added, removed or changes state. All nodes compute the same value. */
export const versionOf = (keys: readonly SigningKey[]): string => {
  const lines = inOrder(keys.filter(isPublished)).map(({ kid, state }) => `${state} ${kid}`)
  return createHash('sha256').update(lines.join('\n')).digest('base64url').slice(0, 22)
}

/** @throws Failure `key_unknown`, or `key_gone` when the key has left the JWKS */
export function getPublished(keys: readonly SigningKey[], kid: string): SigningKey {
  const key = keys.find((one) => one.kid === kid)
  if (!key)
    throw new Failure(
      'key_unknown',
      'missing',
      `There is no key ${JSON.stringify(kid.slice(0, 128))}; \`keys list\` shows those there are.`,
    )
  if (isPublished(key)) return key
  throw new Failure('key_gone', 'conflict', `${key.kid} is ${key.state} already: it left the JWKS and signs nothing.`)
}

/** Algorithms with an active key, in the order of the JWKS. */
export const rankedAlgorithms = (keys: readonly SigningKey[]): string[] =>
  [...new Set(keys.filter(({ state }) => state === 'active').map(({ alg }) => alg))].sort(
    (a, b) => rankOfAlgorithm(a) - rankOfAlgorithm(b),
  )
