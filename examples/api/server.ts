/**
 * An API that accepts Claviger's access tokens. It needs no secret and never calls the provider but for its published
 * keys: the token says who calls, through which app, and what they may do.
 *
 *   GET  /orders   needs the scope orders:read
 *   POST /orders   needs the scope orders:write
 */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import Router from '@koa/router'
import Koa, { type Context, type Next } from 'koa'
import { type AccessToken, requireScope, requireToken } from './bearer.ts'
import { orders } from './orders.ts'

export interface ApiOptions {
  port: number
  /** 127.0.0.1 unless told otherwise. */
  host?: string
  issuer: string
  audience: string
  /** The one origin whose scripts may call this API from a browser. */
  spaOrigin: string
}

export interface RunningService {
  url: string
  stop(): Promise<void>
}

export async function startApi(options: ApiOptions): Promise<RunningService> {
  const app = new Koa()
  app.use(allowOrigin(options.spaOrigin))
  app.use(requireToken(options))
  app.use(routes())
  app.on('error', (error: Error) => process.stderr.write(`api: ${error.message}\n`))

  const server = createServer(app.callback())
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject).listen(options.port, options.host ?? '127.0.0.1', resolve)
  })
  const { port } = server.address() as AddressInfo
  return {
    url: `http://localhost:${port}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

function routes() {
  const router = new Router()
  router.get('/orders', requireScope('orders:read'), (ctx) => {
    const { sub, client_id, scope, exp } = ctx.state['token'] as AccessToken
    ctx.body = { caller: { sub, client_id, scope, token_expires_at: exp }, orders }
  })
  router.post('/orders', requireScope('orders:write'), (ctx) => {
    ctx.status = 202
    ctx.body = { accepted: true }
  })
  return router.routes()
}

/** CORS for one origin. A preflight carries no token, so it is answered before one is asked for. */
function allowOrigin(origin: string) {
  return async (ctx: Context, next: Next) => {
    ctx.vary('Origin')
    if (ctx.get('origin') === origin) {
      ctx.set('access-control-allow-origin', origin)
      ctx.set('access-control-expose-headers', 'www-authenticate')
      if (ctx.method === 'OPTIONS') {
        ctx.set('access-control-allow-methods', 'GET, POST')
        ctx.set('access-control-allow-headers', 'authorization')
        ctx.set('access-control-max-age', '600')
        ctx.status = 204
        return
      }
    }
    await next()
  }
}
