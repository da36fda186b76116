/** What an access token carries besides RFC 9068's claims: what a revocation may name. */
import { hash } from 'node:crypto'
import type { AccessToken, ClientCredentials, JWTStructured, KoaContextWithOIDC } from 'oidc-provider'

/** A grant's public name: enough to tell grants apart, not the identifier we keep state under. */
export const grantClaim = (grantId: string): string => hash('sha256', grantId, 'base64url').slice(0, 22)

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
