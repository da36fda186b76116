/** What an access token carries besides RFC 9068's claims: what a revocation may name. */
import { hash } from 'node:crypto'
import type { AccessToken, ClientCredentials, JWTStructured, KoaContextWithOIDC } from 'oidc-provider'

/** A grant's name in tokens: half of the digest it is stored under, so that we find it again and nobody else can use it. */
export const grantClaim = (grantId: string): string =>
  hash('sha256', grantId, 'buffer').subarray(0, 16).toString('base64url')

export function addAccessTokenClaims(
  _ctx: KoaContextWithOIDC,
  token: AccessToken | ClientCredentials,
  jwt: JWTStructured,
): void {
  const { sid, sessionUid, grantId } = token as Partial<AccessToken>
  const session = sid ?? sessionUid
  if (session) jwt.payload.sid = session
  if (grantId) jwt.payload.grant_id = grantClaim(grantId)
}
