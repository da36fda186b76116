/** What an access token carries besides RFC 9068's claims: what a revocation may name, and a time that no earlier one can mean. */
import { hash } from 'node:crypto'
import type { AccessToken, ClientCredentials, JWTStructured, KoaContextWithOIDC } from 'oidc-provider'
import type { TokenMarks } from '../revocation/revocation.ts'
import { type StatusPlace, statusClaim } from '../revocation/status-place.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** The earliest second in which something with these marks may be issued; from memory. */
export type EarliestIssue = (marks: TokenMarks) => number

/** A grant's name in tokens: half of the digest it is stored under, so that we find it again and nobody else can use it. */
export const grantClaim = (grantId: string): string =>
  hash('sha256', grantId, 'buffer').subarray(0, 16).toString('base64url')

/** @param nextPlace where the ledger is kept: a place in a status list, of this token alone */
export const accessTokenClaims =
  (issuer: string, earliest: EarliestIssue, nextPlace?: () => Promise<StatusPlace>) =>
  async (
    _ctx: KoaContextWithOIDC,
    token: AccessToken | ClientCredentials,
    { payload }: JWTStructured,
  ): Promise<void> => {
    const { sid, sessionUid, grantId, accountId } = token as Partial<AccessToken>
    const unit = UnitOfWork.current
    // A session that has ended is void by its name; what an app may still do offline does not bear it any more.
    const isSessionAlive = sessionUid !== undefined && (!unit || unit.recallSession(sessionUid) !== undefined)
    if (isSessionAlive) payload.sid = sid ?? sessionUid
    if (grantId) payload.grant_id = grantClaim(grantId)
    const revokedBefore = accountId === undefined ? undefined : unit?.recallAccount(accountId)?.account?.revokedBefore
    const { sub, client_id: client } = payload as { sub?: string; client_id?: string }
    if (nextPlace) payload.status = statusClaim(await UnitOfWork.asking(nextPlace), issuer)
    payload.iat = Math.max(Number(payload.iat), revokedBefore ?? 0, earliest({ sub, client, issuer }))
  }
