/**
 * oidc is OpenID Connect and OAuth itself: the sole user of `oidc-provider`. It
 * tells the engine who people, clients and APIs are, keeps its state through
 * `ModelStore`, lends it our pages, and exchanges the whole engine for a new one
 * when signing keys change: the engine reads keys in its constructor only, and
 * two engines over the same store and cookies go on with each other's sessions.
 *
 * An authorization code is spent in `engine-adapter.ts` (`consume`) and, in the
 * database, by the first clause of `storage/protocol/model-store.ts`'s commit.
 */
import { setImmediate } from 'node:timers/promises'
import type { Context, Middleware, Next } from 'koa'
import compose from 'koa-compose'
import Provider from 'oidc-provider'
import type { KeySet } from '../keyring/key-set.ts'
import { readBasicCredentials } from './basic-credentials.ts'
import { watchCanary } from './canary-requests.ts'
import { cookieSettings } from './cookies.ts'
import { askOnlyOnce, isDeviceForm } from './device-form.ts'
import { slowDownPolling } from './device-polling.ts'
import { discoveryDocument } from './documents.ts'
import { serveClients } from './engine-clients.ts'
import { engineOptions } from './engine-options.ts'
import { isBrowserPath, isSpelledExactly } from './engine-paths.ts'
import { announce } from './event-wiring.ts'
import { readForm } from './form-body.ts'
import { readFormPost } from './form-post.ts'
import { checkServiceScope, nameGrantedScope } from './granted-scope.ts'
import { InteractionProofs, requireProof } from './interaction-proof.ts'
import type { Interactions } from './interactions.ts'
import { recogniseJwts } from './jwt-access-tokens.ts'
import { recordIssuedTokens } from './ledger-recording.ts'
import { acceptableLogout, isAskedByOwnApp, leaveWithoutSession, nameApp, readLogoutRequest } from './logout.ts'
import type { Engine, OidcNeeds } from './oidc-needs.ts'
import { createInteractions, findSession } from './provider-interactions.ts'
import { refreshCookies } from './refresh-cookie.ts'
import {
  allowCredentials,
  deliverInCookie,
  forgetCookies,
  isOfOurSite,
  signedOutClients,
  takeTokensFromCookies,
} from './refresh-delivery.ts'
import { sendErrorsByAllowedMode } from './response-modes.ts'
import { settleResume } from './resume.ts'
import { disguiseJwts } from './revocation-endpoints.ts'
import { renewAtSignInOnly } from './session-identifier.ts'
import { land } from './token-landing.ts'
import { UnitOfWork } from './unit-of-work.ts'

export interface Oidc {
  /** The protocol endpoints; passes on what is none of them. */
  handle: Middleware
  interactions: Interactions
  /** Who is signed in in this browser. */
  currentSession(ctx: Context): Promise<{ accountId: string } | undefined>
  /** The document at `/.well-known/openid-configuration`, of the present engine. */
  discovery(): Record<string, unknown>
  /** Goes on with these signing keys and the present cookie keys; requests under way finish with the old ones. */
  useKeys(keys: KeySet): Promise<void>
}

export async function createOidc(needs: OidcNeeds, keys: KeySet): Promise<Oidc> {
  let engine = await startEngine(needs, keys)
  const base = mountPath(needs.config.issuer)
  return {
    handle: (ctx, next) => {
      ctx.mountPath = base
      return answer(ctx, next, engine, needs)
    },
    interactions: createInteractions(needs, () => engine),
    async currentSession(ctx) {
      const accountId = (await findSession(ctx, engine))?.accountId
      return accountId === undefined ? undefined : { accountId }
    },
    discovery: () => engine.discovery,
    async useKeys(next) {
      engine = await startEngine(needs, next, engine)
    },
  }
}

/** Requests go on between its steps: what a step does at once, every request that is under way waits for. */
async function startEngine(needs: OidcNeeds, keys: KeySet, before?: Engine): Promise<Engine> {
  const cookies = cookieSettings(needs.config.issuer, needs.cookieKeys())
  const inCookies = refreshCookies(needs.config.issuer, needs.cookieKeys())
  const proofs = new InteractionProofs(cookies, needs.models)
  const provider = new Provider(needs.config.issuer, engineOptions(needs, keys, cookies))
  await setImmediate()
  serveClients(provider, needs.directory)
  serveReplayDetection(provider, needs.models)
  keepOwnFields(provider)
  requireProof(provider, proofs)
  renewAtSignInOnly(provider)
  recogniseJwts(provider, keys, needs)
  if (needs.nextStatusPlace) recordIssuedTokens(provider, needs.models)
  acceptIssuerAudienceOnly(provider)
  checkServiceScope(provider, needs)
  slowDownPolling(provider, needs.models)
  sendErrorsByAllowedMode(provider)
  takeTokensFromCookies(provider, inCookies)
  announce(provider, needs.events)
  watchCanary(provider, keys.canary, needs.canaryAnswered)
  // Of the keys it names the algorithms, and nothing else of it changes while this node runs.
  const algorithms = keys.algorithms.join()
  const document =
    before?.algorithms === algorithms ? before.document : await discoveryDocument(provider, needs.config.issuer)
  return {
    provider,
    cookies,
    refreshCookies: inCookies,
    proofs,
    handle: compose(provider.middleware) as Middleware,
    algorithms,
    document,
    discovery: { ...document, ...needs.furtherMetadata() },
  }
}

/** A `jti` is unique when this one statement says so; the engine would look first and write later. */
function serveReplayDetection(provider: Provider, models: OidcNeeds['models']): void {
  const unique = (issuer: string, jti: string, exp: number) =>
    UnitOfWork.asking(() => models.remember(`${issuer}\n${jti}`, exp))
  Object.defineProperty(provider.ReplayDetection, 'unique', { value: unique })
}

/** Of a stored interaction the engine drops what it does not know: what our own code adds to it. */
const ownFields = ['finished', 'answeredBy', 'startedIn'] as const

function keepOwnFields(provider: Provider): void {
  const { Interaction } = provider as unknown as { Interaction: { IN_PAYLOAD: string[] } }
  Object.defineProperty(Interaction, 'IN_PAYLOAD', { value: [...Interaction.IN_PAYLOAD, ...ownFields] })
}

/** RFC 10070: the issuer is the only audience of a client's assertion. The engine would add endpoints from the request's host. */
function acceptIssuerAudienceOnly(provider: Provider): void {
  const { OIDCContext, issuer } = provider as unknown as { OIDCContext: { prototype: object }; issuer: string }
  Object.defineProperty(OIDCContext.prototype, 'clientJwtAuthExpectedAudience', { value: () => new Set([issuer]) })
}

async function answer(ctx: Context, next: Next, engine: Engine, needs: OidcNeeds): Promise<void> {
  if (!isSpelledExactly(ctx.path)) return next()
  if (isBrowserPath(ctx.path)) {
    if (ctx.method === 'HEAD') return refuseHead(ctx)
    if (ctx.method === 'POST' && seeAsGet.has(ctx.path)) return askAgainByGet(ctx, needs.config.issuer)
    if (ctx.path === '/session/end' && (await settleLogout(ctx, engine, needs))) return
    if (await settleResume(ctx, engine, needs)) return
  }

  if (isDeviceForm(ctx)) {
    if (await isSessionless(ctx, engine)) return showDeviceFormAgain(ctx, needs)
    await askOnlyOnce(ctx)
  }

  if (ctx.method === 'POST' && ctx.path === '/token') needs.assertMayIssue()
  await readBasicCredentials(ctx, needs.directory)
  await disguiseJwts(ctx)
  const unit = new UnitOfWork()
  await unit.run(() => engine.handle(ctx, next) as Promise<void>)
  if (unit.failure) {
    forgetAnswer(ctx)
    throw unit.failure
  }
  if (ctx.state.isSignInLost) return settleLostSignIn(ctx, engine, needs)
  nameGrantedScope(ctx)
  if (!(await landed(unit, ctx, needs))) {
    forgetAnswer(ctx)
    // The app was allowed before, and the person withdrew that while this request was under way: ask them.
    if (ctx.path.startsWith('/auth') && ctx.method === 'GET') return leadTo(ctx, `${needs.config.issuer}${ctx.url}`)
    refuseSpentGrant(ctx)
  }
  await settleCookies(ctx, unit, engine, needs)
  const form = readFormPost(ctx)
  if (form) await needs.pages.formPost(ctx, form)
}

/** What browser apps find of their refresh tokens in this answer. */
async function settleCookies(ctx: Context, unit: UnitOfWork, engine: Engine, needs: OidcNeeds): Promise<void> {
  await allowCredentials(ctx, needs.origins)
  deliverInCookie(ctx, unit, engine.refreshCookies)
  const isConfirmed = ctx.method === 'POST' && ctx.path === '/session/end/confirm'
  if ((isConfirmed || ctx.state.signsOutAtOnce) && ctx.status === 303) {
    nameApp(ctx, `${needs.config.issuer}/session/end/success`)
    await forgetCookies(ctx, signedOutClients(ctx), { ...needs, cookies: engine.refreshCookies })
  }
}

/**
 * Of two requests that go on with one sign-in at the same moment, the slower finds the session moved on: by then the
 * sign-in is finished, and it ends where the faster one did. Nothing that the slower one did is kept.
 */
async function settleLostSignIn(ctx: Context, engine: Engine, needs: OidcNeeds): Promise<void> {
  ctx.remove('Set-Cookie')
  const { body, status } = ctx
  if (await settleResume(ctx, engine, needs)) return
  ctx.body = body
  ctx.status = status
}

function refuseHead(ctx: Context): void {
  ctx.status = 405
  ctx.set('Allow', 'GET, POST')
}

/**
 * OpenID Connect Core §3.1.2.1 and RP-Initiated Logout §2 allow POST. A browser
 * withholds our Lax cookies from another site's POST but not from the GET it is
 * sent on to, so the request arrives with its session.
 */
const seeAsGet = new Set(['/auth', '/session/end'])

async function askAgainByGet(ctx: Context, issuer: string): Promise<void> {
  const form = await readForm(ctx)
  leadTo(ctx, `${issuer}${ctx.path}?${form}`)
}

function leadTo(ctx: Context, address: string): void {
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(address)
}

/** The form's token rests in the session: without one the form is stale, and the engine would fail over it. */
async function isSessionless(ctx: Context, { provider }: Engine): Promise<boolean> {
  const session = await provider.Session.get(ctx as never)
  return session.exp === undefined
}

/** Stale; or the browser keeps no cookies, and would be shown the form for ever. */
async function showDeviceFormAgain(ctx: Context, needs: OidcNeeds): Promise<void> {
  if (ctx.get('Cookie') !== '') return leadTo(ctx, `${needs.config.issuer}/device`)
  await needs.pages.error(ctx, { error: 'session_not_found', status: 400, client: undefined })
}

/** Where the issuer's path is stripped, the engine must know it to build URLs. */
const mountPath = (issuer: string) => new URL(issuer).pathname.replace(/\/$/, '')

/** A failing commit takes the answer back: nothing that was not kept may be told. */
async function landed(unit: UnitOfWork, ctx: Context, needs: OidcNeeds): Promise<boolean> {
  try {
    return await land(unit, ctx, needs)
  } catch (cause) {
    forgetAnswer(ctx)
    throw cause
  }
}

function forgetAnswer(ctx: Context): void {
  ctx.remove('Set-Cookie')
  ctx.remove('Location')
  ctx.body = null
}

/** The code or refresh token was spent or revoked while this request was under way (RFC 6749 §5.2). */
function refuseSpentGrant(ctx: Context): void {
  ctx.status = 400
  ctx.set('Cache-Control', 'no-store')
  ctx.body = { error: 'invalid_grant', error_description: 'grant request is invalid' }
}

/** @returns whether the sign-out is settled already */
async function settleLogout(ctx: Context, { provider, refreshCookies }: Engine, needs: OidcNeeds): Promise<boolean> {
  if (ctx.method !== 'GET') return false
  const request = await acceptableLogout(readLogoutRequest(ctx.query), provider, needs.directory)
  const session = await provider.Session.get(ctx as never)
  if (!session.accountId) {
    // Asked without a question, so not by pages of other sites.
    if (request.client_id !== undefined && isOfOurSite(ctx)) {
      await forgetCookies(ctx, [request.client_id], { ...needs, cookies: refreshCookies })
    }
    leaveWithoutSession(ctx, request, `${needs.config.issuer}/session/end/success`)
    return true
  }
  ctx.state.signsOutAtOnce = await isAskedByOwnApp(request, session, needs.directory)
  ctx.query = request
  return false
}
