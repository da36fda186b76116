/**
 * Token Status Lists over HTTP: one for each name, and a document that names them all
 * (draft-ietf-oauth-status-list-21 §8, §9). They are public and readable from any origin.
 */
import { hash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { Context, Middleware } from 'koa'
import { Failure } from '../../errors/failure.ts'
import type { StatusLists } from '../../revocation/status-lists.ts'
import { parseListName, statusListUri } from '../../revocation/status-place.ts'
import { HttpRefusal } from '../routing/http-refusal.ts'

export interface StatusListRoutesNeeds {
  issuer: string
  lists: Pick<StatusLists, 'find' | 'names'>
}

const mediaType = 'application/statuslist+jwt'
const compress = promisify(gzip)

export function statusListRoutes({ issuer, lists }: StatusListRoutesNeeds): Middleware {
  return async (ctx) => {
    ctx.set('Access-Control-Allow-Origin', '*')
    const [, , name, ...more] = ctx.path.split('/')
    if (more.length > 0) throw missing()
    if (name === undefined || name === '') return answerAll(ctx, issuer, await lists.names())
    // §8.4: requests for the status at an earlier time are not supported.
    if (ctx.query.time !== undefined) throw new HttpRefusal(501, 'Status lists of earlier times are not stored.')
    if (!ctx.accepts(mediaType)) throw new HttpRefusal(406, `A status list is available only as ${mediaType}.`)
    const list = parseListName(name)
    const found = list === undefined ? undefined : await lists.find(list)
    if (!found) throw missing()
    await answer(ctx, mediaType, found.token)
  }
}

const missing = () => new Failure('status_list_missing', 'missing', 'There is no such status list.')

function answerAll(ctx: Context, issuer: string, names: readonly number[]): Promise<void> {
  const status_lists = names.map((list) => statusListUri(issuer, list))
  return answer(ctx, 'application/json', JSON.stringify({ status_lists }))
}

/** Caches may keep a list for 1 second. This spares the server many requests and adds little to the `ttl` of the list. */
async function answer(ctx: Context, type: string, text: string): Promise<void> {
  ctx.set('Cache-Control', 'public, max-age=1')
  ctx.set('Cross-Origin-Resource-Policy', 'cross-origin')
  ctx.vary('Accept-Encoding')
  ctx.etag = `W/"${hash('sha256', text, 'base64url').slice(0, 27)}"`
  ctx.type = type
  ctx.status = 200
  if (ctx.fresh) {
    ctx.status = 304
    return
  }
  const isGzip = text.length > 1_024 && ctx.acceptsEncodings('gzip', 'identity') === 'gzip'
  if (isGzip) ctx.set('Content-Encoding', 'gzip')
  ctx.body = isGzip ? await compress(text) : Buffer.from(text)
}
