/** What an access token carries besides RFC 9068's claims: what a revocation may name, and a date by the database's clock. */
import { hash } from 'node:crypto'
import type { AccessToken, ClientCredentials, JWTStructured, KoaContextWithOIDC } from 'oidc-provider'
import type { TokenMarks } from '../../revocation/revocation.ts'
import { type StatusPlace, statusClaim } from '../../revocation/status-place.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

/**
 * The second that a token with these marks is dated with, once it may be issued; `notBefore` is a cut-off that the account
 * itself bears. Waits after a revocation, else it is at hand.
 */
export type IssueSecond = (marks: TokenMarks, notBefore?: number) => Promise<number>

/** A grant's name in tokens: half of the digest it is stored under, so that we find it again and nobody else can use it. */
export const grantClaim = (grantId: string): string =>
  hash('sha256', grantId, 'buffer').subarray(0, 16).toString('base64url')

/** @param nextPlace where the ledger is kept: a place in a status list, of this token alone */
export const accessTokenClaims =
  (issuer: string, issueSecond: IssueSecond, nextPlace?: () => Promise<StatusPlace>) =>
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
    payload.iat = await issueSecond({ sub, client, issuer }, revokedBefore)
  }
