/** Reads status lists as any verifier may that knows the specification and nothing of us: HTTP, jose, and a library that is not ours. */
import { getListFromStatusListJWT, getStatusListFromJWT } from '@sd-jwt/jwt-status-list'
import { createRemoteJWKSet, type JWTPayload, jwtVerify } from 'jose'
import { ask, type WireAnswer } from '../../harness/wire.ts'

export interface ReadList {
  claims: JWTPayload
  kid: string | undefined
  alg: string
  answer: WireAnswer
  status(index: number): number
}

/** One request to one node, whichever node the issuer's address leads to. */
export function fetchList(uri: string, port: number, headers: Record<string, string> = {}): Promise<WireAnswer> {
  const { host, pathname, search } = new URL(uri)
  return ask(port, {
    path: `${pathname}${search}`,
    headers: { Host: host, Accept: 'application/statuslist+jwt', ...headers },
  })
}

/** Checked as draft-ietf-oauth-status-list-21 §8.3 says. Asked for each time, so that nothing old counts. */
export async function readList(uri: string, port: number, jwksUri: string): Promise<ReadList> {
  const answer = await fetchList(uri, port)
  if (answer.status !== 200) throw new Error(`${uri} at port ${port} answered ${answer.status}: ${answer.text}`)
  const keys = jwks.get(jwksUri) ?? createRemoteJWKSet(new URL(jwksUri))
  jwks.set(jwksUri, keys)
  const { payload, protectedHeader } = await jwtVerify(answer.text, keys, {
    typ: 'statuslist+jwt',
    subject: uri,
    requiredClaims: ['iat', 'exp', 'ttl', 'status_list'],
  })
  // The library is slow, and most answers are the same.
  const list = decoded.get(answer.text) ?? getListFromStatusListJWT(answer.text)
  decoded.set(answer.text, list)
  const { kid, alg } = protectedHeader
  return { claims: payload, kid, alg, answer, status: (index) => list.getStatus(index) }
}

const jwks = new Map<string, ReturnType<typeof createRemoteJWKSet>>()
const decoded = new Map<string, ReturnType<typeof getListFromStatusListJWT>>()

export const placeOf = (accessToken: string): { idx: number; uri: string } => getStatusListFromJWT(accessToken)
