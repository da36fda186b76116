/** Reads status lists as any verifier may that knows the specification and nothing of us: HTTP, jose, and a library that is not ours. */
import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list'
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'

export interface ReadList {
  claims: JWTPayload
  kid: string | undefined
  alg: string
  response: Response
  status(index: number): number
}

/** Checked as draft-ietf-oauth-status-list-21 §8.3 says, without any cache. */
export async function readList(uri: string, jwksUri: string, at = uri): Promise<ReadList> {
  const response = await fetch(at, { headers: { accept: 'application/statuslist+jwt' } })
  if (!response.ok) throw new Error(`${at} answered ${response.status}`)
  const jwt = await response.text()
  const { payload, protectedHeader } = await jwtVerify(jwt, createRemoteJWKSet(new URL(jwksUri)), {
    typ: 'statuslist+jwt',
    subject: uri,
    requiredClaims: ['iat', 'exp', 'ttl', 'status_list'],
  })
  const list = getListFromStatusListJWT(jwt)
  const { kid, alg } = protectedHeader
  return { claims: payload, kid, alg, response, status: (index) => list.getStatus(index) }
}

export const placeOf = (accessToken: string): { idx: number; uri: string } => getStatusListFromJWT(accessToken)
