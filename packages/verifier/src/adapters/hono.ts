/** Hono middleware. */
import type { Requirements } from '../requirements.ts'
import type { Verifier } from '../verifier.ts'
import { answerOf } from './fetch.ts'
import { rememberToken } from './token-of.ts'

/** The used part of Hono's context. */
export interface HonoContext {
  req: { raw: Request; url: string; method: string; header(name: string): string | undefined }
  env: unknown
  /** Hono types this by the app's own variables, which are unknown here. */
  set(name: never, value: never): void
}

/**
 * Passes a request with a valid token, as `c.get('auth')` and `tokenOf(c)`; answers other requests itself.
 *
 *     app.get('/orders', honoAuth(verifier, { scope: 'orders:read' }), (c) => { … })
 */
export function honoAuth(verifier: Verifier, requirements?: Requirements) {
  // biome-ignore lint/suspicious/noConfusingVoidType: Hono's own type
  return async (c: HonoContext, next: () => Promise<void>): Promise<Response | void> => {
    const verdict = await verifier.verify(
      {
        authorization: c.req.header('authorization'),
        dpop: c.req.header('dpop'),
        method: c.req.method,
        url: c.req.url,
        // Under Node, the adapter keeps the request with its socket here.
        certificate: () => verifier.certificateOf((c.env as { incoming?: object })?.incoming ?? c.req.raw),
      },
      requirements,
    )
    if (!verdict.ok) return answerOf(verdict)
    c.set('auth' as never, verdict.token as never)
    rememberToken(c, verdict.token)
    await next()
  }
}
