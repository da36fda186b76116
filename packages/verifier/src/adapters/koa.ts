/** Koa middleware. */
import type { Requirements } from '../requirements.ts'
import type { VerifiedToken } from '../verdict.ts'
import type { Verifier } from '../verifier.ts'
import { rememberToken } from './token-of.ts'

/** The used part of Koa's context. */
export interface KoaContext {
  method: string
  href: string
  req: object
  state: object
  status: number
  body: unknown
  get(name: string): string
  set(headers: { [name: string]: string }): void
}

/**
 * Passes a request with a valid token, as `ctx.state.auth` and `tokenOf(ctx)`; answers other requests itself.
 *
 *     router.get('/orders', koaAuth(verifier, { scope: 'orders:read' }), (ctx) => { … })
 */
export function koaAuth(verifier: Verifier, requirements?: Requirements) {
  return async (ctx: KoaContext, next: () => Promise<unknown>): Promise<void> => {
    const verdict = await verifier.verify(
      {
        authorization: ctx.get('authorization'),
        dpop: ctx.get('dpop'),
        method: ctx.method,
        url: ctx.href,
        certificate: () => verifier.certificateOf(ctx.req),
      },
      requirements,
    )
    if (verdict.ok) {
      const state = ctx.state as { auth?: VerifiedToken }
      state.auth = verdict.token
      rememberToken(ctx, verdict.token)
      await next()
      return
    }
    ctx.set(verdict.headers)
    ctx.status = verdict.status
    ctx.body = verdict.body
  }
}
