/**
 * Checks an access token for one of Claviger's own resources. The token must have been issued to a service for that
 * resource.
 */
import { createLocalJWKSet, jwtVerify } from 'jose'
import type { Client } from '../../clients/client.ts'
import type { KeySet } from '../../keyring/live/key-set.ts'
import { marksOf, type TokenMarks } from '../../revocation/revocation.ts'
import type { ClientDirectory } from '../client-directory.ts'
import type { OwnResource } from './own-resources.ts'

export interface OwnAccessNeeds {
  issuer: string
  directory: Pick<ClientDirectory, 'find'>
  keys(): Pick<KeySet, 'publicJwks'>
  isRevoked(marks: TokenMarks): boolean
}

export type OwnAccess =
  | { outcome: 'allowed'; client: Client; marks: TokenMarks; expiresAtSeconds: number }
  /** `error`: the error of the token; undefined when no token was sent. */
  | { outcome: 'unauthenticated'; error: 'invalid_token' | undefined }
  | { outcome: 'insufficient_scope' }

/**
 * @param authorization the `Authorization` header as it was sent
 * @param anyOf scopes of which one is enough
 */
export async function ownAccess(
  authorization: string | undefined,
  resource: OwnResource,
  anyOf: readonly string[],
  { issuer, directory, keys, isRevoked }: OwnAccessNeeds,
): Promise<OwnAccess> {
  const [, token] = /^Bearer +(\S+) *$/i.exec(authorization ?? '') ?? []
  if (token === undefined) return { outcome: 'unauthenticated', error: undefined }
  const verified = await jwtVerify(token, createLocalJWKSet(keys().publicJwks), {
    issuer,
    audience: resource.audience,
    typ: 'at+jwt',
    clockTolerance: 5,
    requiredClaims: ['exp', 'iat', 'client_id'],
  }).catch(() => undefined) // forged, expired or for another audience: the answer is the same
  // A sender-constrained token may not be used as a bearer token.
  if (!verified || verified.payload.cnf !== undefined) return { outcome: 'unauthenticated', error: 'invalid_token' }
  const { payload, protectedHeader } = verified
  const marks = marksOf(payload, protectedHeader.kid)
  const client = await directory.find(String(payload.client_id))
  if (!client || isRevoked(marks)) return { outcome: 'unauthenticated', error: 'invalid_token' }
  const scopes = typeof payload.scope === 'string' ? payload.scope.split(' ') : []
  if (!anyOf.some((scope) => scopes.includes(scope)) || !resource.isFor(client))
    return { outcome: 'insufficient_scope' }
  return { outcome: 'allowed', client, marks, expiresAtSeconds: payload.exp ?? 0 }
}
