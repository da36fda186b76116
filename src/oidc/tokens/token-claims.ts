/**
 * The claims of an access token besides those of RFC 9068: the names that a revocation may use, and an `iat` from the
 * database's clock.
 */
import { hash } from 'node:crypto'
import type { AccessToken, ClientCredentials, JWTStructured, KoaContextWithOIDC } from 'oidc-provider'
import type { TokenMarks } from '../../revocation/revocation.ts'
import { type StatusPlace, statusClaim } from '../../revocation/status-place.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

/**
 * Returns the `iat` for a token with these marks. `notBefore` is a cut-off that is stored with the account. Waits after
 * a recent revocation; otherwise returns at once.
 */
export type IssueSecond = (marks: TokenMarks, notBefore?: number) => Promise<number>

/**
 * A grant's name in tokens: half of the digest under which the grant is stored. The store finds the grant by this name,
 * and other parties cannot use it.
 */
export const grantClaim = (grantId: string): string =>
  hash('sha256', grantId, 'buffer').subarray(0, 16).toString('base64url')

/** @param nextPlace when the ledger is on: the next place in a status list, for this token alone */
export const accessTokenClaims =
  (issuer: string, issueSecond: IssueSecond, nextPlace?: () => Promise<StatusPlace>) =>
  async (
    _ctx: KoaContextWithOIDC,
    token: AccessToken | ClientCredentials,
    { payload }: JWTStructured,
  ): Promise<void> => {
    const { sid, sessionUid, grantId, accountId } = token as Partial<AccessToken>
    const unit = UnitOfWork.current
    // A token with the `sid` of an ended session is revoked. So a token for offline access after that omits the `sid`.
    const isSessionAlive = sessionUid !== undefined && (!unit || unit.recallSession(sessionUid) !== undefined)
    if (isSessionAlive) payload.sid = sid ?? sessionUid
    if (grantId) payload.grant_id = grantClaim(grantId)
    const revokedBefore = accountId === undefined ? undefined : unit?.recallAccount(accountId)?.account?.revokedBefore
    const { sub, client_id: client } = payload as { sub?: string; client_id?: string }
    if (nextPlace) payload.status = statusClaim(await UnitOfWork.asking(nextPlace), issuer)
    payload.iat = await issueSecond({ sub, client, issuer }, revokedBefore)
  }
