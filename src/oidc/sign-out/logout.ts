/**
 * Sign-out always succeeds (OpenID Connect RP-Initiated Logout 1.0). The engine would refuse a hint that it cannot
 * verify, or a return address that is not registered. Such parameters are removed before the engine reads them. The
 * person is still signed out, and sees a page instead of the app.
 */
import { decodeJwt } from 'jose'
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import type { Client } from '../../clients/client.ts'
import { isPostLogoutRedirectUriAllowed } from '../../clients/redirect-rules.ts'
import type { ClientDirectory } from '../client-directory.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

const known = ['id_token_hint', 'post_logout_redirect_uri', 'state', 'ui_locales', 'client_id', 'logout_hint'] as const
type LogoutRequest = Partial<Record<(typeof known)[number], string>>

/** Reads parameters that were sent once. A parameter that was sent twice is ignored. */
export function readLogoutRequest(parameters: Record<string, unknown>): LogoutRequest {
  const single = known.flatMap((name) => {
    const value = parameters[name]
    return typeof value === 'string' && value !== '' ? [[name, value] as const] : []
  })
  return Object.fromEntries(single)
}

/** The parameters that the engine accepts. */
export async function acceptableLogout(
  request: LogoutRequest,
  provider: Provider,
  directory: Pick<ClientDirectory, 'find'>,
): Promise<LogoutRequest> {
  const { id_token_hint: hint, client_id: named, post_logout_redirect_uri: returnTo, ...rest } = request
  const client = await clientOf(hint, named, directory)
  if (!client) return rest
  const isReturnAllowed = returnTo !== undefined && isPostLogoutRedirectUriAllowed(client, returnTo)
  return {
    ...rest,
    client_id: client.id,
    ...(hint !== undefined && (await isHintValid(hint, provider, client.id)) ? { id_token_hint: hint } : {}),
    ...(isReturnAllowed ? { post_logout_redirect_uri: returnTo } : {}),
  }
}

/** Finds no client when the hint and `client_id` name different clients. */
async function clientOf(
  hint: string | undefined,
  named: string | undefined,
  directory: Pick<ClientDirectory, 'find'>,
): Promise<Client | undefined> {
  const hinted = hint === undefined ? undefined : audienceOf(hint)
  if (hinted !== undefined && named !== undefined && hinted !== named) return undefined
  const id = named ?? hinted
  return id === undefined ? undefined : directory.find(id)
}

function audienceOf(hint: string): string | undefined {
  try {
    const { aud } = decodeJwt(hint)
    return typeof aud === 'string' ? aud : undefined
  } catch {
    return undefined // not a JWT: the hint is ignored
  }
}

async function isHintValid(hint: string, provider: Provider, clientId: string): Promise<boolean> {
  const client = await provider.Client.find(clientId)
  if (!client) return false
  try {
    await provider.IdToken.validate(hint, client)
    return true
  } catch {
    return false // the key was removed, or the hint is forged: only the client id is used
  }
}

/**
 * Does a first-party app ask, with an ID token for this browser's account and session? Then the person is not asked
 * again. Any other request may come from a stranger's link.
 */
export async function isAskedByOwnApp(
  { id_token_hint: hint, client_id: clientId }: LogoutRequest,
  session: { accountId?: string | undefined; sidFor(clientId: string): string | undefined },
  directory: Pick<ClientDirectory, 'find'>,
): Promise<boolean> {
  if (hint === undefined || clientId === undefined) return false
  const { sub, sid } = decodeJwt(hint)
  if (sub === undefined || sub !== session.accountId) return false
  if (sid !== undefined && sid !== session.sidFor(clientId)) return false
  return (await directory.find(clientId))?.firstParty === true
}

/**
 * Does what the engine does when the person presses "Sign out". The engine cannot do so without a page.
 * @param names the cookie of the session and its attributes
 */
export async function signOutAtOnce(
  ctx: KoaContextWithOIDC,
  names: { session: string; attributes: Record<string, unknown> },
): Promise<void> {
  const { session, provider, params, client } = ctx.oidc
  for (const { grantId, persistsLogout } of Object.values(session?.authorizations ?? {})) {
    if (!grantId || persistsLogout) continue
    UnitOfWork.current?.revokeGrant(grantId)
    UnitOfWork.current?.destroy({ model: 'Grant', id: grantId })
    provider.emit('grant.revoked', ctx, grantId)
  }
  await session?.destroy()
  ctx.cookies.set(names.session, null, names.attributes)
  provider.emit('end_session.success', ctx)
  const request = { ...(params as LogoutRequest), client_id: client?.clientId }
  leaveWithoutSession(ctx, request as LogoutRequest, ctx.oidc.urlFor('end_session_success'))
}

/**
 * Names the client in the signed-out page's URL, so that the page can link back to the app. The engine names it only
 * when the person stays signed in.
 */
export function nameApp(ctx: Context, signedOutUrl: string): void {
  const { client } = (ctx as Context & KoaContextWithOIDC).oidc
  if (!client || ctx.response.get('Location') !== signedOutUrl) return
  ctx.redirect(`${signedOutUrl}?${new URLSearchParams({ client_id: client.clientId })}`)
  ctx.status = 303
}

/** Redirects to the app, or to the signed-out page. Without a session there is no question to ask. */
export function leaveWithoutSession(ctx: Context, request: LogoutRequest, signedOutUrl: string): void {
  const { post_logout_redirect_uri: returnTo, state, client_id: clientId } = request
  const target = new URL(returnTo ?? signedOutUrl)
  if (returnTo !== undefined && state !== undefined) target.searchParams.set('state', state)
  if (returnTo === undefined && clientId !== undefined) target.searchParams.set('client_id', clientId)
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(returnTo !== undefined && state === undefined ? returnTo : target.href)
}
