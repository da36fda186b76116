/** Global Token Revocation (draft-parecki-oauth-global-token-revocation): a security tool has everything of a person ended. */
import type { Middleware } from 'koa'
import { Failure } from '../../errors/failure.ts'
import type { OwnAccess } from '../../oidc/tokens/own-access.ts'
import { globalRevocationScope } from '../../oidc/tokens/own-resources.ts'
import { readJson } from '../bodies/json-body.ts'
import { refuseAccess } from '../routing/refuse-access.ts'

export interface GlobalRevocationNeeds {
  access(authorization: string | undefined): Promise<OwnAccess>
  /** Sessions, grants, refresh tokens and access tokens; false when there is nobody of that name. @throws Failure `subject_invalid` */
  signOut(subject: unknown, by: { clientId: string; requestId: string }): Promise<boolean>
}

const door = {
  realm: 'global-token-revocation',
  scopes: [globalRevocationScope],
  sentence: 'An access token for this endpoint is needed, by client credentials.',
}

export const globalRevocationRoute =
  ({ access, signOut }: GlobalRevocationNeeds): Middleware =>
  async (ctx) => {
    const found = await access(ctx.get('Authorization') || undefined)
    if (found.outcome !== 'allowed') return refuseAccess(ctx, found, door)
    const body = await readJson(ctx)
    const subject = typeof body === 'object' && body !== null && 'sub_id' in body ? body.sub_id : undefined
    const by = { clientId: found.client.id, requestId: String(ctx.state.requestId) }
    if (!(await signOut(subject, by))) throw new Failure('subject_missing', 'missing', 'There is no such person here.')
    ctx.set('Cache-Control', 'no-store')
    ctx.status = 204
  }
