/**
 * A microservice that verifies access tokens offline and follows the revocation feed: a revoked token is refused here
 * within a second, without a question to the provider.
 *
 *   GET /check   needs the scope orders:read
 */
import Koa from 'koa'
import { createVerifier, koaAuth } from '../../packages/verifier/src/verifier.ts'
import { allowOrigin } from '../allow-origin.ts'
import { listen, type RunningService } from '../running-service.ts'

export interface ServiceOptions {
  port: number
  issuer: string
  /** The API that its tokens are for. Several services may share one. */
  audience: string
  /** Credentials of the API itself, with which the service reads the revocation feed. */
  auth: { clientId: string; clientSecret: string }
  /** The one origin whose scripts may call this service from a browser. */
  spaOrigin: string
}

export async function startService({
  port,
  issuer,
  audience,
  auth,
  spaOrigin,
}: ServiceOptions): Promise<RunningService> {
  const verifier = await createVerifier({ issuer, audience, revocation: { auth } })
  await verifier.ready()
  const app = new Koa()
  app.use(allowOrigin(spaOrigin))
  app.use(koaAuth(verifier, { scope: 'orders:read' }))
  app.use((ctx) => {
    ctx.body = { accepted: true, feed: verifier.state }
  })
  const server = await listen(app.callback(), port)
  return {
    url: server.url,
    async stop() {
      await server.stop()
      await verifier.close()
    },
  }
}
