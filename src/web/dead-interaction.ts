/** Pages that are over: expired, used, bookmarked, opened in another browser. Each leads on to the app. */
import type { Context } from 'koa'
import type { InteractionClient, InteractionLookup } from '../oidc/interactions.ts'
import { optionalViewOf, viewOf } from './client-view.ts'
import { type InteractionNeeds, seeOther } from './interaction-needs.ts'
import { sameAddress } from './pages.ts'

type Dead = Exclude<InteractionLookup, { state: 'live' }>
/** Every page before this one has set a cookie. */
export const isCookieless = (ctx: Context): boolean => ctx.get('Cookie') === ''

type ShowNeeds = Pick<InteractionNeeds, 'pages'>

export function answerDead(ctx: Context, lookup: Dead, needs: ShowNeeds): void {
  if (lookup.state === 'answered') {
    showUnusable(ctx, lookup.interaction, needs)
  } else if (lookup.state === 'gone' || lookup.resumeUrl === '') {
    showUnusable(ctx, lookup, needs)
  } else if (ctx.method === 'POST') {
    // A second click of the same button: it shall end where the first one did.
    seeOther(ctx, lookup.resumeUrl)
  } else {
    const { client, resumeUrl } = lookup
    const options = { keepsOpener: true, languagePath: sameAddress(ctx) }
    needs.pages.show(ctx, 'finished', { client: viewOf(client), resumeUrl }, options)
  }
}

/** Nothing can be done here any more, but for starting again at the app. */
export function showUnusable(
  ctx: Context,
  dead: { client?: InteractionClient | undefined; uiLocales?: string | undefined },
  { pages }: ShowNeeds,
): void {
  pages.show(
    ctx,
    'gone',
    { client: optionalViewOf(dead.client), isCookieless: isCookieless(ctx) },
    {
      status: 410,
      uiLocales: dead.uiLocales,
      keepsOpener: true,
      ...(ctx.method === 'GET' ? { languagePath: sameAddress(ctx) } : {}),
    },
  )
}
