/**
 * oidc implements OpenID Connect and OAuth. It alone uses `oidc-provider`: it gives people, clients, APIs and pages to
 * the engine, and stores the engine's state through `ModelStore`. When signing keys change, a new engine replaces the
 * whole old one, because the engine reads keys in its constructor only. Two engines over the same store and cookies
 * continue each other's sessions.
 *
 * An authorization code is spent in `engine-adapter.ts` (`consume`) and, in the database, by the first clause of the
 * commit in `storage/protocol/model-store.ts`.
 */
import { setImmediate } from 'node:timers/promises'
import type { Context, Middleware, Next } from 'koa'
import compose from 'koa-compose'
import Provider from 'oidc-provider'
import type { KeySet } from '../keyring/live/key-set.ts'
import { confirmTypedCode, isDeviceForm } from './device/device-form.ts'
import { slowDownPolling } from './device/device-polling.ts'
import { discoveryDocument } from './documents.ts'
import { readBasicCredentials } from './engine/basic-credentials.ts'
import { cookieSettings } from './engine/cookies.ts'
import { sendErrorsByAllowedMode, serveClients } from './engine/engine-clients.ts'
import { engineOptions } from './engine/engine-options.ts'
import { isBrowserPath, isSpelledExactly } from './engine/engine-paths.ts'
import { announce } from './engine/event-wiring.ts'
import { readForm } from './engine/form-body.ts'
import { readFormPost } from './engine/form-post.ts'
import { InteractionProofs, requireProof } from './interactions/interaction-proof.ts'
import type { Interactions } from './interactions/interactions.ts'
import { createInteractions, findSession } from './interactions/provider-interactions.ts'
import { settleResume } from './interactions/resume.ts'
import type { Engine, OidcNeeds } from './oidc-needs.ts'
import {
  acceptableLogout,
  isAskedByOwnApp,
  leaveWithoutSession,
  nameApp,
  readLogoutRequest,
} from './sign-out/logout.ts'
import { renewAtSignInOnly } from './sign-out/session-identifier.ts'
import { commitAnswer } from './state/token-commit.ts'
import { UnitOfWork } from './state/unit-of-work.ts'
import { watchCanary } from './tokens/canary-requests.ts'
import { checkServiceScope, nameGrantedScope } from './tokens/granted-scope.ts'
import { recogniseJwts } from './tokens/jwt-access-tokens.ts'
import { recordIssuedTokens } from './tokens/ledger-recording.ts'
import { refreshCookies } from './tokens/refresh-cookie.ts'
import {
  allowCredentials,
  deliverInCookie,
  forgetCookies,
  isOfOurSite,
  signedOutClients,
  takeTokensFromCookies,
} from './tokens/refresh-delivery.ts'
import { disguiseJwts } from './tokens/revocation-endpoints.ts'

export interface Oidc {
  /** Serves the protocol endpoints. Other requests go to `next`. */
  handle: Middleware
  interactions: Interactions
  /** The account that is signed in in this browser. */
  currentSession(ctx: Context): Promise<{ accountId: string } | undefined>
  /** The current engine's document at `/.well-known/openid-configuration`. */
  discovery(): Record<string, unknown>
  /** Uses these signing keys and the current cookie keys from now on. Requests in progress finish with the old keys. */
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

/**
 * Runs in steps, so that other requests proceed between them. A step's synchronous work delays all requests in
 * progress.
 */
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
  // The document names the keys' algorithms. Nothing else in it changes while this node runs.
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

/** One statement decides whether a `jti` is unique. The engine would read first and write later. */
function serveReplayDetection(provider: Provider, models: OidcNeeds['models']): void {
  const unique = (issuer: string, jti: string, exp: number) =>
    UnitOfWork.asking(() => models.remember(`${issuer}\n${jti}`, exp))
  Object.defineProperty(provider.ReplayDetection, 'unique', { value: unique })
}

/** Members that this room adds to a stored interaction. The engine would drop members that it does not know. */
const ownFields = ['finished', 'answeredBy', 'startedIn'] as const

function keepOwnFields(provider: Provider): void {
  const { Interaction } = provider as unknown as { Interaction: { IN_PAYLOAD: string[] } }
  Object.defineProperty(Interaction, 'IN_PAYLOAD', { value: [...Interaction.IN_PAYLOAD, ...ownFields] })
}

/**
 * RFC 10070: the issuer is the only audience of a client's assertion. The engine would add endpoints of the request's
 * host.
 */
function acceptIssuerAudienceOnly(provider: Provider): void {
  const { OIDCContext, issuer } = provider as unknown as { OIDCContext: { prototype: object }; issuer: string }
  Object.defineProperty(OIDCContext.prototype, 'clientJwtAuthExpectedAudience', { value: () => new Set([issuer]) })
}

async function answer(ctx: Context, next: Next, engine: Engine, needs: OidcNeeds): Promise<void> {
  if (!isSpelledExactly(ctx.path)) return next()
  if (isBrowserPath(ctx.path)) {
    if (ctx.method === 'HEAD') return refuseHead(ctx)
    if (ctx.method === 'POST' && repeatedByGet.has(ctx.path)) return redirectToGet(ctx, needs.config.issuer)
    if (ctx.path === '/session/end' && (await settleLogout(ctx, engine, needs))) return
    if (await settleResume(ctx, engine, needs)) return
  }

  if (isDeviceForm(ctx)) {
    if (await isSessionless(ctx, engine)) return showDeviceFormAgain(ctx, needs)
    await confirmTypedCode(ctx)
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
  if (!(await commitOrDiscard(unit, ctx, needs))) {
    forgetAnswer(ctx)
    // The person withdrew the app's consent while this request was in progress, so the request starts again and asks.
    if (ctx.path.startsWith('/auth') && ctx.method === 'GET') return redirectTo(ctx, `${needs.config.issuer}${ctx.url}`)
    refuseSpentGrant(ctx)
  }
  await settleCookies(ctx, unit, engine, needs)
  const form = readFormPost(ctx)
  if (form) await needs.pages.formPost(ctx, form)
}

/** Sets or clears the refresh token cookies of browser apps in this answer. */
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
 * Two requests may resume one sign-in at once. The slower one finds a changed session and a finished sign-in. It gets
 * the result of the faster one, and its own changes are discarded.
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
 * OpenID Connect Core §3.1.2.1 and RP-Initiated Logout §2 allow POST. Browsers omit Lax cookies from another site's
 * POST, but send them with the GET after a redirect. So the redirected request arrives with its session.
 */
const repeatedByGet = new Set(['/auth', '/session/end'])

async function redirectToGet(ctx: Context, issuer: string): Promise<void> {
  const form = await readForm(ctx)
  redirectTo(ctx, `${issuer}${ctx.path}?${form}`)
}

function redirectTo(ctx: Context, address: string): void {
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(address)
}

/** The session holds the form's token. Without a session the form is stale, and the engine would fail. */
async function isSessionless(ctx: Context, { provider }: Engine): Promise<boolean> {
  const session = await provider.Session.get(ctx as never)
  return session.exp === undefined
}

/**
 * Sends the browser to a new form. A browser without cookies gets an error, because it would get stale forms for ever.
 */
async function showDeviceFormAgain(ctx: Context, needs: OidcNeeds): Promise<void> {
  if (ctx.get('Cookie') !== '') return redirectTo(ctx, `${needs.config.issuer}/device`)
  await needs.pages.error(ctx, { error: 'session_not_found', status: 400, client: undefined })
}

/** A proxy may strip the issuer's path; the engine needs the path to build URLs. */
const mountPath = (issuer: string) => new URL(issuer).pathname.replace(/\/$/, '')

/** When the commit fails, the answer is discarded: it must not report changes that were not stored. */
async function commitOrDiscard(unit: UnitOfWork, ctx: Context, needs: OidcNeeds): Promise<boolean> {
  try {
    return await commitAnswer(unit, ctx, needs)
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

/** The code or refresh token was spent or revoked while this request was in progress (RFC 6749 §5.2). */
function refuseSpentGrant(ctx: Context): void {
  ctx.status = 400
  ctx.set('Cache-Control', 'no-store')
  ctx.body = { error: 'invalid_grant', error_description: 'grant request is invalid' }
}

/** @returns whether the request is answered */
async function settleLogout(ctx: Context, { provider, refreshCookies }: Engine, needs: OidcNeeds): Promise<boolean> {
  if (ctx.method !== 'GET') return false
  const request = await acceptableLogout(readLogoutRequest(ctx.query), provider, needs.directory)
  const session = await provider.Session.get(ctx as never)
  if (!session.accountId) {
    // The person is not asked here, so requests from other sites must not clear cookies.
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
