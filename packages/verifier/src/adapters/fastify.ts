/** A Fastify hook. */
import type { Requirements } from '../requirements.ts'
import type { VerifiedToken } from '../verdict.ts'
import type { Verifier } from '../verifier.ts'
import { rememberToken } from './token-of.ts'

/** The used part of Fastify's request. */
export interface FastifyRequest {
  method: string
  protocol: string
  host?: string
  hostname: string
  originalUrl: string
  headers: { [name: string]: string | string[] | undefined }
  raw: object
}

/** The used part of Fastify's reply. */
export interface FastifyReply {
  code(status: number): FastifyReply
  headers(headers: Record<string, string>): FastifyReply
  send(body: unknown): FastifyReply
}

/**
 * A hook for one route or for all: passes a request with a valid token, as `request.auth` and
 * `tokenOf(request)`; answers other requests itself.
 *
 *     app.addHook('onRequest', fastifyAuth(verifier))
 *     app.get('/orders', { onRequest: fastifyAuth(verifier, { scope: 'orders:read' }) }, async (request) => { … })
 */
export function fastifyAuth(verifier: Verifier, requirements?: Requirements) {
  return async (request: FastifyRequest, reply: FastifyReply): Promise<unknown> => {
    const { authorization, dpop } = request.headers
    const verdict = await verifier.verify(
      {
        authorization: single(authorization),
        dpop: single(dpop),
        method: request.method,
        url: `${request.protocol}://${request.host ?? request.hostname}${request.originalUrl}`,
        certificate: () => verifier.certificateOf(request.raw),
      },
      requirements,
    )
    // A hook returns the reply to signal that it has answered.
    if (!verdict.ok) return reply.code(verdict.status).headers(verdict.headers).send(verdict.body)
    const target = request as { auth?: VerifiedToken }
    target.auth = verdict.token
    rememberToken(request, verdict.token)
    return undefined
  }
}

const single = (value: string | string[] | undefined) => (Array.isArray(value) ? value.join(', ') : value)
