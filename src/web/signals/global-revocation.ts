/** Global Token Revocation (draft-parecki-oauth-global-token-revocation): a security tool revokes all sessions and tokens of a person. */
import type { Middleware } from 'koa'
import { Failure } from '../../errors/failure.ts'
import type { OwnAccess } from '../../oidc/tokens/own-access.ts'
import { globalRevocationScope } from '../../oidc/tokens/own-resources.ts'
import { readJson } from '../bodies/json-body.ts'
import { refuseAccess } from '../routing/refuse-access.ts'

export interface GlobalRevocationNeeds {
  access(authorization: string | undefined): Promise<OwnAccess>
  /**
   * Ends the sessions and revokes the grants, refresh tokens and access tokens of the subject.
   * @returns false when no account matches the subject
   * @throws Failure `subject_invalid`
   */
  signOut(subject: unknown, by: { clientId: string; requestId: string }): Promise<boolean>
}

const door = {
  realm: 'global-token-revocation',
  scopes: [globalRevocationScope],
  sentence: 'Send an access token for this endpoint, obtained with the client credentials grant.',
}

export const globalRevocationRoute =
  ({ access, signOut }: GlobalRevocationNeeds): Middleware =>
  async (ctx) => {
    const found = await access(ctx.get('Authorization') || undefined)
    if (found.outcome !== 'allowed') return refuseAccess(ctx, found, door)
    const body = await readJson(ctx)
    const subject = typeof body === 'object' && body !== null && 'sub_id' in body ? body.sub_id : undefined
    const by = { clientId: found.client.id, requestId: String(ctx.state.requestId) }
    if (!(await signOut(subject, by)))
      throw new Failure('subject_missing', 'missing', 'No account matches this subject.')
    ctx.set('Cache-Control', 'no-store')
    ctx.status = 204
  }
