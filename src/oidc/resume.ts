/**
 * Resuming after an interaction. The engine does so only in the browser that holds the proof of the answer
 * (`interaction-proof.ts`). This file answers every other request to a resume address: an interaction without an answer,
 * one that was finished a moment ago (a double click), one that has expired, one of another browser.
 */
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import type { FinishedMark } from './engine-adapter.ts'
import { interactionClient } from './interaction-client.ts'
import type { Answerable } from './interaction-proof.ts'
import { gone } from './interaction-trail.ts'
import type { Engine, OidcNeeds } from './oidc-needs.ts'
import { findSession } from './provider-interactions.ts'

type Interaction = InstanceType<Provider['Interaction']> & Answerable & { finished?: FinishedMark }

const route = /^\/(auth|device)\/([A-Za-z0-9_-]+)$/

/** @returns whether the request is answered */
export async function settleResume(ctx: Context, engine: Engine, needs: OidcNeeds): Promise<boolean> {
  const [, endpoint, uid] = route.exec(ctx.path) ?? []
  if (uid === undefined || (ctx.method !== 'GET' && ctx.method !== 'POST') || ctx.path === '/device/auth') return false
  const interaction = (await engine.provider.Interaction.find(uid)) as Interaction | undefined
  const holdsCookie = ctx.cookies.get(engine.cookies.engine.names.resume, { signed: true }) === uid
  if (interaction && (await engine.proofs.holds(ctx, interaction))) {
    if (isOver(interaction, holdsCookie)) {
      if (endpoint === 'device' && (await showConnected(ctx, interaction, engine, needs))) return true
      if (holdsCookie && (await wasUnheard(ctx, interaction, engine))) return false
      if (endpoint === 'device') return showGone(ctx, uid, needs)
      return goOn(ctx, whereItEnded(interaction, needs.config.issuer))
    }
    // This address takes no form: a POST is sent to it again by GET.
    return ctx.method === 'POST' && goOn(ctx, `${needs.config.issuer}${ctx.path}`)
  }
  if (interaction && holdsCookie && interaction.answeredBy === undefined) {
    return goOn(ctx, new URL(engine.cookies.interactionPath(undefined, uid), needs.config.issuer).href)
  }
  return showGone(ctx, uid, needs)
}

async function showGone(ctx: Context, uid: string, needs: OidcNeeds): Promise<true> {
  const { client } = await gone(needs, uid)
  await needs.pages.error(ctx, { error: 'interaction_gone', status: 400, client })
  return true
}

/** Without the resume cookie: a second submit was read before the first one went on, and landed after it. */
const isOver = ({ finished }: Interaction, holdsCookie: boolean): boolean => finished !== undefined || !holdsCookie

/**
 * The sign-in went on, but its answer, which takes the resume cookie away and
 * brings the session's, was overtaken by another press and never reached the
 * browser. It goes on once more, unless what came of it has been ended since.
 */
async function wasUnheard(ctx: Context, interaction: Interaction, engine: Engine): Promise<boolean> {
  const { finished, result, session } = interaction
  if (finished?.sessionUid === undefined || result?.login === undefined || ctx.method !== 'GET') return false
  if (await findSession(ctx, engine)) return false
  if (!(await engine.provider.Session.findByUid(finished.sessionUid))) return false
  if (session?.uid) {
    // The engine would insist on the session that it began with, which has moved on.
    interaction.session = { ...session, uid: undefined } as never
    await interaction.save(Math.max(1, interaction.exp - Math.floor(Date.now() / 1000)))
  }
  return true
}

/** A device is connected once: a second press shows that it is connected. */
async function showConnected(
  ctx: Context,
  interaction: Interaction,
  engine: Engine,
  needs: OidcNeeds,
): Promise<boolean> {
  const { deviceCode, params } = interaction as Interaction & { deviceCode?: string }
  const device = deviceCode ? await engine.provider.DeviceCode.find(deviceCode, { ignoreExpiration: true }) : undefined
  if (!device?.accountId) return false
  const client = await engine.provider.Client.find(String(params.client_id))
  await needs.pages.deviceDone(ctx, { client: client && interactionClient(client) })
  return true
}

function whereItEnded({ params, result }: Interaction, issuer: string): string {
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
