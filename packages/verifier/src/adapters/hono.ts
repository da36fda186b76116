/** Hono middleware. */
import type { Requirements } from '../requirements.ts'
import type { Verifier } from '../verifier.ts'
import { answerOf } from './fetch.ts'
import { rememberToken } from './token-of.ts'

/** As much of Hono's context as is used. */
export interface HonoContext {
  req: { raw: Request; url: string; method: string; header(name: string): string | undefined }
  env: unknown
  /** Hono types this by the app's own variables, of which we know none. */
  set(name: never, value: never): void
}

/**
 * Lets a request pass with a token that holds, as `c.get('auth')` and `tokenOf(c)`; answers the others.
 *
 *     app.get('/orders', honoAuth(verifier, { scope: 'orders:read' }), (c) => { … })
 */
export function honoAuth(verifier: Verifier, requirements?: Requirements) {
  // biome-ignore lint/suspicious/noConfusingVoidType: so Hono has it
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
