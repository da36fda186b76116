/** Forms of ours are posted from pages of ours. The token in each form says so too; this holds where a token has leaked. */
import type { Context } from 'koa'
import { Failure } from '../../errors/failure.ts'
import type { Place } from '../routing/place.ts'

/** @throws Failure `cross_site` (denied) when the browser says that another site posts this */
export function refuseCrossSite(ctx: Context, { origin: ours }: Place): void {
  const site = ctx.get('Sec-Fetch-Site')
  const origin = ctx.get('Origin')
  // Older browsers send neither; the token in the form decides then.
  const isOurs = site === '' ? origin === '' || origin === ours : site === 'same-origin' || site === 'none'
  const isForeign = origin !== '' && origin !== ours && origin !== 'null'
  if (isOurs && !isForeign) return
  throw new Failure('cross_site', 'denied', 'This form was sent from another site.', { detail: { site, origin } })
}
