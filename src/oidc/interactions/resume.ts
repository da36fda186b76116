/**
 * Resumes after an interaction. The engine resumes only in the browser that holds the proof of the answer
 * (`interaction-proof.ts`). This file answers every other request to a resume address. Its interaction is unanswered,
 * finished (a double click), expired, or of another browser.
 */
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import type { Engine, OidcNeeds } from '../oidc-needs.ts'
import type { FinishedMark } from '../state/engine-adapter.ts'
import { interactionClient } from './interaction-client.ts'
import type { Answerable } from './interaction-proof.ts'
import { gone } from './interaction-trail.ts'
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
      if (holdsCookie && (await wasResponseLost(ctx, interaction, engine))) return false
      if (endpoint === 'device') return showGone(ctx, uid, needs)
      return redirectTo(ctx, resultAddress(interaction, needs.config.issuer))
    }
    // This address accepts no form, so a POST is redirected to it by GET.
    return ctx.method === 'POST' && redirectTo(ctx, `${needs.config.issuer}${ctx.path}`)
  }
  if (interaction && holdsCookie && interaction.answeredBy === undefined) {
    return redirectTo(ctx, new URL(engine.cookies.interactionPath(undefined, uid), needs.config.issuer).href)
  }
  return showGone(ctx, uid, needs)
}

async function showGone(ctx: Context, uid: string, needs: OidcNeeds): Promise<true> {
  const { client } = await gone(needs, uid)
  await needs.pages.error(ctx, { error: 'interaction_gone', status: 400, client })
  return true
}

/**
 * Is the interaction over? Without the resume cookie, a second submit was read before the first one resumed and was
 * stored after it.
 */
const isOver = ({ finished }: Interaction, holdsCookie: boolean): boolean => finished !== undefined || !holdsCookie

/**
 * Did the sign-in resume without its response reaching the browser? That response removes the resume cookie and sets
 * the session cookie, but another submit overtook it. The sign-in resumes once more, unless the resulting session has
 * ended since.
 */
async function wasResponseLost(ctx: Context, interaction: Interaction, engine: Engine): Promise<boolean> {
  const { finished, result, session } = interaction
  if (finished?.sessionUid === undefined || result?.login === undefined || ctx.method !== 'GET') return false
  if (await findSession(ctx, engine)) return false
  if (!(await engine.provider.Session.findByUid(finished.sessionUid))) return false
  if (session?.uid) {
    // The engine would require the session with which the interaction began, and that session has changed since.
    interaction.session = { ...session, uid: undefined } as never
    await interaction.save(Math.max(1, interaction.exp - Math.floor(Date.now() / 1000)))
  }
  return true
}

/** A device is connected once. A second submit shows that the device is connected. */
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

function resultAddress({ params, result }: Interaction, issuer: string): string {
  const isDenied = (result as { error?: string } | undefined)?.error === 'access_denied'
  const mode = params.response_mode ?? 'query'
  return isDenied && mode === 'query' ? repeatedDenial(params, issuer) : repeatedRequest(params, issuer)
}

/** Repeats the denial that the app has already received. The redirect URI was checked when the request began. */
function repeatedDenial({ redirect_uri, state }: Record<string, unknown>, issuer: string): string {
  const url = new URL(String(redirect_uri))
  url.searchParams.set('error', 'access_denied')
  if (typeof state === 'string') url.searchParams.set('state', state)
  url.searchParams.set('iss', issuer)
  return url.href
}

function redirectTo(ctx: Context, location: string): true {
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(location)
  return true
}

/**
 * The session exists now, so this request returns to the app without a question. Parameters that ask for a fresh
 * sign-in are left out, because the person signed in seconds ago.
 */
function repeatedRequest(params: Record<string, unknown>, issuer: string): string {
  const url = new URL(`${issuer}/auth`)
  for (const [name, value] of Object.entries(params)) {
    if (name === 'prompt' || name === 'max_age' || value === undefined || value === null) continue
    for (const one of Array.isArray(value) ? value : [value]) url.searchParams.append(name, String(one))
  }
  return url.href
}
