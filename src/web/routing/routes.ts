/** Finds the page that answers a path. The engine answers all other paths. */
import type { Context, Middleware, Next } from 'koa'
import { Failure } from '../../errors/failure.ts'
import { passFormOn } from '../bodies/form-body.ts'
import { refuseCrossSite } from '../bodies/form-origin.ts'
import { HttpRefusal } from './http-refusal.ts'
import type { Place } from './place.ts'

export interface Route {
  methods: readonly string[]
  /** True when no path below this one exists. */
  isLeaf: boolean
  answer: Middleware
}

/** Keyed by the first segment of the path. */
export type Routes = ReadonlyMap<string, Route>

/** Engine endpoints that accept only POST. The engine's router answers every other method with 404. */
const postOnly = new Set([
  '/token',
  '/token/introspection',
  '/token/revocation',
  '/request',
  '/device/auth',
  '/session/end/confirm',
])
/** Engine paths that accept forms only from Claviger's own pages. Apps post to other paths. */
const ownForms = new Set(['/session/end/confirm', '/device'])

export function routing(routes: Routes, place: Place, engine: Middleware): Middleware {
  return async (ctx, next) => {
    const segment = firstSegment(ctx.path)
    const route = routes.get(segment)
    if (!route) return passToEngine(ctx, next, place, engine)
    if (route.isLeaf && ctx.path.length > segment.length + 2)
      throw new Failure('page_missing', 'missing', 'There is no such page.')
    if (route.methods.includes(ctx.method)) return route.answer(ctx, next)
    answerOtherMethod(ctx, route.methods)
  }
}

async function passToEngine(ctx: Context, next: Next, place: Place, engine: Middleware): Promise<void> {
  if (ctx.method === 'POST' && ownForms.has(ctx.path)) refuseCrossSite(ctx, place)
  await passFormOn(ctx)
  await engine(ctx, next)
  const isUnanswered = ctx.status === 404 && (ctx.body === undefined || ctx.body === null)
  if (isUnanswered && postOnly.has(ctx.path))
    throw new HttpRefusal(405, 'This endpoint answers POST only.', { Allow: 'POST, OPTIONS' })
}

/** Answers OPTIONS with the allowed methods and refuses any other method. */
export function answerOtherMethod(ctx: Context, methods: readonly string[]): void {
  const Allow = [...methods, 'OPTIONS'].join(', ')
  if (ctx.method !== 'OPTIONS') throw new HttpRefusal(405, `This page answers ${Allow} only.`, { Allow })
  ctx.status = 204
  ctx.set('Allow', Allow)
}

export function firstSegment(path: string): string {
  const end = path.indexOf('/', 1)
  return end === -1 ? path.slice(1) : path.slice(1, end)
}
