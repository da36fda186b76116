/** For fetch handlers: `(request: Request) => Response`. */
import type { Requirements } from '../requirements.ts'
import type { Refused, VerifiedToken } from '../verdict.ts'
import type { Verifier } from '../verifier.ts'

/**
 * Calls the handler with a valid token; answers other requests itself.
 *
 *     export default { fetch: withAuth((request, token) => Response.json(token.claims), verifier, { scope: 'orders:read' }) }
 */
export function withAuth<Rest extends unknown[]>(
  handler: (request: Request, token: VerifiedToken, ...rest: Rest) => Response | Promise<Response>,
  verifier: Verifier,
  requirements?: Requirements,
) {
  return async (request: Request, ...rest: Rest): Promise<Response> => {
    const verdict = await verifier.verify(
      {
        authorization: request.headers.get('authorization'),
        dpop: request.headers.get('dpop'),
        method: request.method,
        url: request.url,
        certificate: () => verifier.certificateOf(request),
      },
      requirements,
    )
    return verdict.ok ? handler(request, verdict.token, ...rest) : answerOf(verdict)
  }
}

export const answerOf = ({ status, headers, body }: Refused): Response => Response.json(body, { status, headers })
