/** Refuses programs with wrong or missing credentials (RFC 6750 §3, RFC 7617 §2). */
import type { Context } from 'koa'

export type RefusedAccess =
  | { outcome: 'unauthenticated'; scheme?: 'Basic' | 'Bearer'; error: string | undefined }
  | { outcome: 'insufficient_scope' }

export interface Door {
  realm: string
  /** The access token needs one of these scopes. */
  scopes: readonly string[]
  /** Names the credentials that the endpoint accepts. */
  sentence: string
}

export function refuseAccess(ctx: Context, access: RefusedAccess, { realm, scopes, sentence }: Door): void {
  ctx.set('Cache-Control', 'no-store')
  if (access.outcome === 'insufficient_scope') {
    ctx.status = 403
    ctx.set('WWW-Authenticate', `Bearer error="insufficient_scope", scope="${scopes.join(' ')}"`)
    ctx.body = { error: 'insufficient_scope', error_description: `The scope ${scopes.join(' or ')} is needed.` }
    return
  }
  const reason = access.error === undefined ? '' : `, error="${access.error}"`
  ctx.status = 401
  ctx.set('WWW-Authenticate', `${access.scheme ?? 'Bearer'} realm="${realm}"${reason}`)
  ctx.body = { error: access.error ?? 'invalid_token', error_description: sentence }
}
