/** CORS for one origin, as an API that browsers call needs it. A preflight carries no token, so it is answered first. */
import type { Context, Next } from 'koa'

/** @param origin the one origin whose scripts may call this API from a browser */
export function allowOrigin(origin: string) {
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
