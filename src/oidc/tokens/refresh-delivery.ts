/**
 * Refresh tokens of apps that get them in a cookie (`clients set --refresh-delivery cookie`). The engine does not know
 * this cookie. The token is taken from the cookie before the engine reads it. After the commit the new token is set in
 * the cookie instead of the answer.
 *
 * Browsers send the cookie with every request from a page of the same site, pages of other subdomains included. So a
 * request must name its page's origin, in headers that scripts cannot set. That origin must be a registered origin of
 * the client, on the issuer's site. A request without these headers is refused.
 */
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import type { Client, ClientId } from '../../clients/client.ts'
import { allowedOrigins, isOriginAllowed } from '../../clients/redirect-rules.ts'
import type { ClientDirectory } from '../client-directory.ts'
import { recordOf } from '../engine/engine-clients.ts'
import type { UnitOfWork } from '../state/unit-of-work.ts'
import type { Holder, RefreshCookies } from './refresh-cookie.ts'

type EngineContext = KoaContextWithOIDC & Context
type Parameters = Record<string, unknown>

/** Endpoints that read the cookie. Only these endpoints answer requests with credentials. */
const endpoints = new Set(['/token', '/token/revocation'])

const credentials = { 'Access-Control-Allow-Credentials': 'true' }

/** A value that is no token: revoking an unknown token succeeds (RFC 7009 §2.2). */
const noToken = 'none'

const receivesCookies = (client: Client) => client.refreshDelivery === 'cookie'

/**
 * Passes these clients' tokens from the cookie to the engine, as soon as the engine knows the client of the request.
 */
export function takeTokensFromCookies(provider: Provider, cookies: RefreshCookies): void {
  type OidcContext = EngineContext['oidc'] & { ctx: EngineContext }
  const { prototype } = (provider as unknown as { OIDCContext: { prototype: OidcContext } }).OIDCContext
  const assign = prototype.entity
  function entity(this: OidcContext, name: string, value: unknown): void {
    assign.call(this, name, value)
    if (name !== 'Client' || !endpoints.has(this.ctx.path)) return
    const client = recordOf(value)
    if (receivesCookies(client)) takeToken(this.ctx, client, cookies)
  }
  Object.defineProperty(prototype, 'entity', { value: entity })
}

/** @throws InvalidRequest unless the page may have this client's tokens */
function takeToken(ctx: EngineContext, client: Client, cookies: RefreshCookies): void {
  const holder = { clientId: client.id, origin: ctx.get('Origin') }
  // Also set when the request is refused, so that the page can read the reason.
  if (isOriginAllowed(client, holder.origin)) ctx.set(credentials)
  else ctx.remove('Access-Control-Allow-Origin')
  const params = ctx.oidc.params as Parameters
  const isRevocation = ctx.oidc.route === 'revocation'
  if (isRevocation && params.token !== undefined) return
  requireOwnPage(ctx, client)
  ctx.state.refreshHolder = holder
  if (isRevocation) params.token = cookies.read(ctx, holder) ?? noToken
  else if (params.grant_type === 'refresh_token') params.refresh_token = presentedToken(ctx, holder, cookies)
}

function requireOwnPage(ctx: Context, client: Client): void {
  if (isOriginAllowed(client, ctx.get('Origin')) && isOfOurSite(ctx)) return
  throw new errors.InvalidRequest(
    'this client gets its refresh token in a cookie: only a page of its registered origins, on the site of the issuer, may ask',
  )
}

/** Does the request come from the issuer's site, on any subdomain or port? The browser says so (Fetch Metadata). */
export const isOfOurSite = (ctx: Context) => ['same-origin', 'same-site'].includes(ctx.get('Sec-Fetch-Site'))

function presentedToken(ctx: EngineContext, holder: Holder, cookies: RefreshCookies): string {
  if ((ctx.oidc.params as Parameters).refresh_token !== undefined) {
    throw new errors.InvalidRequest('the refresh token of this client comes in its cookie, never as a parameter')
  }
  const token = cookies.read(ctx, holder)
  if (token === undefined) throw new errors.InvalidGrant('no refresh token came in a cookie')
  return token
}

/** Called after the commit. Moves the answer's refresh token to the cookie, or clears the cookie after a revocation. */
export function deliverInCookie(ctx: Context, unit: UnitOfWork, cookies: RefreshCookies): void {
  const holder = ctx.state.refreshHolder as Holder | undefined
  if (!holder) return
  const { route, refreshToken } = (ctx as EngineContext).oidc
  if (route === 'revocation') {
    if (ctx.status === 200) cookies.forget(ctx, holder)
    return
  }
  const { refresh_token: token, ...answer } = (ctx.body ?? {}) as Parameters
  if (typeof token !== 'string' || !refreshToken) return
  ctx.body = answer
  const { expiresWithSession, sessionUid = '', remainingTTL } = refreshToken
  const endsWithBrowser = expiresWithSession && unit.recallSession(sessionUid)?.transient
  cookies.write(ctx, holder, token, endsWithBrowser ? undefined : remainingTTL)
}

/**
 * The preflight of a request with a DPoP proof names no client. Its origin must belong to a client that gets cookies.
 */
export async function allowCredentials(
  ctx: Context,
  origins: { receiveCookies(origin: string): Promise<boolean> },
): Promise<void> {
  if (ctx.method !== 'OPTIONS' || !endpoints.has(ctx.path)) return
  if (await origins.receiveCookies(ctx.get('Origin'))) ctx.set(credentials)
}

/**
 * The clients whose tokens a sign-out ended: the app that asked for it, and the apps whose tokens end with the session.
 */
export function signedOutClients(ctx: Context): ClientId[] {
  const { session, params, client } = (ctx as EngineContext).oidc
  const ended =
    (params as Parameters).logout || ctx.state.signsOutAtOnce
      ? Object.entries(session?.authorizations ?? {}).filter(([, { persistsLogout }]) => !persistsLogout)
      : []
  return [...ended.map(([id]) => id), ...(client ? [client.clientId] : [])]
}

/** Clears the cookies of these clients at all their origins, because an app may have been opened at any of them. */
export async function forgetCookies(
  ctx: Context,
  clientIds: readonly ClientId[],
  { directory, cookies }: { directory: Pick<ClientDirectory, 'find'>; cookies: RefreshCookies },
): Promise<void> {
  for (const clientId of new Set(clientIds)) {
    const client = await directory.find(clientId)
    if (!client || !receivesCookies(client)) continue
    for (const origin of allowedOrigins(client)) cookies.forget(ctx, { clientId, origin })
  }
}
