/** What an access token carries besides RFC 9068's claims: what a revocation may name, and a time that no earlier one can mean. */
import { hash } from 'node:crypto'
import type { AccessToken, ClientCredentials, JWTStructured, KoaContextWithOIDC } from 'oidc-provider'
import type { TokenMarks } from '../revocation/revocation.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** The earliest second in which something with these marks may be issued; from memory. */
export type EarliestIssue = (marks: TokenMarks) => number

/** A grant's name in tokens: half of the digest it is stored under, so that we find it again and nobody else can use it. */
export const grantClaim = (grantId: string): string =>
  hash('sha256', grantId, 'buffer').subarray(0, 16).toString('base64url')

export const accessTokenClaims =
  (issuer: string, earliest: EarliestIssue) =>
  (_ctx: KoaContextWithOIDC, token: AccessToken | ClientCredentials, { payload }: JWTStructured): void => {
    const { sid, sessionUid, grantId, accountId } = token as Partial<AccessToken>
    const unit = UnitOfWork.current
    // A session that has ended is void by its name; what an app may still do offline does not bear it any more.
    const isSessionAlive = sessionUid !== undefined && (!unit || unit.recallSession(sessionUid) !== undefined)
    if (isSessionAlive) payload.sid = sid ?? sessionUid
    if (grantId) payload.grant_id = grantClaim(grantId)
    const revokedBefore = accountId === undefined ? undefined : unit?.recallAccount(accountId)?.account?.revokedBefore
    const { sub, client_id: client } = payload as { sub?: string; client_id?: string }
    payload.iat = Math.max(Number(payload.iat), revokedBefore ?? 0, earliest({ sub, client, issuer }))
  }
