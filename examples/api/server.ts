/**
 * An API that accepts Claviger's access tokens. It needs no secret and never calls the provider but for its published
 * keys: the token says who calls, through which app, and what they may do.
 *
 *   GET  /orders   needs the scope orders:read
 *   POST /orders   needs the scope orders:write
 */
import Router from '@koa/router'
import Koa from 'koa'
import { allowOrigin } from '../allow-origin.ts'
import { listen, type RunningService } from '../running-service.ts'
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

export type { RunningService } from '../running-service.ts'

export async function startApi(options: ApiOptions): Promise<RunningService> {
  const app = new Koa()
  app.use(allowOrigin(options.spaOrigin))
  app.use(requireToken(options))
  app.use(routes())
  app.on('error', (error: Error) => process.stderr.write(`api: ${error.message}\n`))

  return listen(app.callback(), options.port, options.host)
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
