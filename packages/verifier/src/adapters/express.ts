/** Express middleware, also for other frameworks with `(req, res, next)`. */
import type { Requirements } from '../requirements.ts'
import type { VerifiedToken } from '../verdict.ts'
import type { Verifier } from '../verifier.ts'
import { rememberToken } from './token-of.ts'

/** The used part of Express's request. */
export interface ExpressRequest {
  method: string
  protocol: string
  originalUrl: string
  headers: { [name: string]: string | string[] | undefined }
}

/** The used part of Express's response. */
export interface ExpressResponse {
  status(code: number): ExpressResponse
  set(headers: { [name: string]: string }): unknown
  json(body: unknown): unknown
}

/**
 * Passes a request with a valid token, as `req.auth` and `tokenOf(req)`; answers other requests itself.
 *
 *     app.get('/orders', expressAuth(verifier, { scope: 'orders:read' }), (req, res) => { … })
 */
export function expressAuth(verifier: Verifier, requirements?: Requirements) {
  return async (req: ExpressRequest, res: ExpressResponse, next: (error?: unknown) => void): Promise<void> => {
    const { authorization, dpop, host } = req.headers
    try {
      const verdict = await verifier.verify(
        {
          authorization: single(authorization),
          dpop: single(dpop),
          method: req.method,
          url: `${req.protocol}://${single(host)}${req.originalUrl}`,
          certificate: () => verifier.certificateOf(req),
        },
        requirements,
      )
      if (!verdict.ok) {
        res.status(verdict.status).set(verdict.headers)
        res.json(verdict.body)
        return
      }
      const target = req as { auth?: VerifiedToken }
      target.auth = verdict.token
      rememberToken(req, verdict.token)
    } catch (error) {
      next(error)
      return
    }
    next()
  }
}

const single = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(', ') : value)
