/** Answers for interactions that are expired, already answered, bookmarked or opened in another browser. Each leads to the app. */
import type { Context } from 'koa'
import type { InteractionClient, InteractionLookup } from '../../oidc/interactions/interactions.ts'
import { optionalViewOf, viewOf } from '../pages/client-view.ts'
import { sameAddress } from '../pages/pages.ts'
import { type InteractionNeeds, seeOther } from './interaction-needs.ts'

type Dead = Exclude<InteractionLookup, { state: 'live' }>
/** True when the request has no cookie, although every earlier page has set one. */
export const isCookieless = (ctx: Context): boolean => ctx.get('Cookie') === ''

type ShowNeeds = Pick<InteractionNeeds, 'pages'>

export function answerDead(ctx: Context, lookup: Dead, needs: ShowNeeds): void {
  if (lookup.state === 'answered') {
    showUnusable(ctx, lookup.interaction, needs)
  } else if (lookup.state === 'gone' || lookup.resumeUrl === '') {
    showUnusable(ctx, lookup, needs)
  } else if (ctx.method === 'POST') {
    // A second click of the same button leads where the first one led.
    seeOther(ctx, lookup.resumeUrl)
  } else {
    const { client, resumeUrl } = lookup
    const options = { keepsOpener: true, languagePath: sameAddress(ctx) }
    needs.pages.show(ctx, 'finished', { client: viewOf(client), resumeUrl }, options)
  }
}

/** Shows that the interaction cannot continue and links to the app, where the person can start again. */
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
