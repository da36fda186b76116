/** Accepts a form only from a page of the same origin. Each form also has a CSRF token; this check holds if a token leaks. */
import type { Context } from 'koa'
import { Failure } from '../../errors/failure.ts'
import type { Place } from '../routing/place.ts'

/** @throws Failure `cross_site` (denied) when the request headers name another site as its source */
export function refuseCrossSite(ctx: Context, { origin: ours }: Place): void {
  const site = ctx.get('Sec-Fetch-Site')
  const origin = ctx.get('Origin')
  // Older browsers send neither header; then only the token in the form protects.
  const isOurs = site === '' ? origin === '' || origin === ours : site === 'same-origin' || site === 'none'
  const isForeign = origin !== '' && origin !== ours && origin !== 'null'
  if (isOurs && !isForeign) return
  throw new Failure('cross_site', 'denied', 'This form was sent from another site.', { detail: { site, origin } })
}
