/**
 * Going on after an interaction, where the engine would show an error: the
 * browser has no resume cookie any more because the same sign-in went on a
 * moment ago (a double click), or because the page is long dead.
 */
import type { Context } from 'koa'
import { gone } from './interaction-trail.ts'
import type { Engine, OidcNeeds } from './oidc-needs.ts'

/** @returns whether the request is answered */
export async function settleResume(ctx: Context, { provider, cookies }: Engine, needs: OidcNeeds): Promise<boolean> {
  const uid = /^\/auth\/([A-Za-z0-9_-]+)$/.exec(ctx.path)?.[1]
  if (uid === undefined || (ctx.method !== 'GET' && ctx.method !== 'POST')) return false
  const interaction = await provider.Interaction.find(uid)
  const holdsCookie = ctx.cookies.get(cookies.engine.names.resume, { signed: true }) === uid
  if (interaction && isOver(interaction, holdsCookie)) return goOn(ctx, whereItEnded(interaction, needs.config.issuer))
  if (interaction && holdsCookie) {
    // Nothing is posted here; whoever does so arrives by the way that exists.
    return ctx.method === 'POST' && goOn(ctx, `${needs.config.issuer}${ctx.path}`)
  }
  const { client } = await gone(needs, uid)
  await needs.pages.error(ctx, { error: 'interaction_gone', status: 400, client })
  return true
}

interface Over {
  params: Record<string, unknown>
  finished?: boolean
  result?: object
}

/** Answered without the cookie: a second submit was read before the first one went on, and landed after it. */
const isOver = (interaction: Over, holdsCookie: boolean): boolean =>
  interaction.finished === true || (interaction.result !== undefined && !holdsCookie)

function whereItEnded({ params, result }: Over, issuer: string): string {
  const isDenied = (result as { error?: string } | undefined)?.error === 'access_denied'
  const mode = params.response_mode ?? 'query'
  return isDenied && mode === 'query' ? denialAgain(params, issuer) : sameRequestAgain(params, issuer)
}

/** What the app was told already; its address was checked when the request began. */
function denialAgain({ redirect_uri, state }: Record<string, unknown>, issuer: string): string {
  const url = new URL(String(redirect_uri))
  url.searchParams.set('error', 'access_denied')
  if (typeof state === 'string') url.searchParams.set('state', state)
  url.searchParams.set('iss', issuer)
  return url.href
}

function goOn(ctx: Context, location: string): true {
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(location)
  return true
}

/**
 * The session is there by now, so this ends in the app without a question; what
 * asked for a fresh sign-in was answered seconds ago and is not asked again.
 */
function sameRequestAgain(params: Record<string, unknown>, issuer: string): string {
  const url = new URL(`${issuer}/auth`)
  for (const [name, value] of Object.entries(params)) {
    if (name === 'prompt' || name === 'max_age' || value === undefined || value === null) continue
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one))
  }
  return url.href
}
