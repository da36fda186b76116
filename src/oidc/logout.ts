/**
 * Sign-out always finishes (OpenID Connect RP-Initiated Logout 1.0). What would
 * make the engine refuse – a hint it cannot verify any more, a return address
 * that is not registered – is set aside before the engine sees it: the person
 * still gets signed out, and sees a page instead of the app.
 */
import { decodeJwt } from 'jose'
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import type { Client } from '../clients/client.ts'
import { isPostLogoutRedirectUriAllowed } from '../clients/redirect-rules.ts'
import type { ClientDirectory } from './client-directory.ts'

const known = ['id_token_hint', 'post_logout_redirect_uri', 'state', 'ui_locales', 'client_id', 'logout_hint'] as const
type LogoutRequest = Partial<Record<(typeof known)[number], string>>

/** First values only; a parameter sent twice is as good as not sent. */
export function readLogoutRequest(parameters: Record<string, unknown>): LogoutRequest {
  const single = known.flatMap((name) => {
    const value = parameters[name]
    return typeof value === 'string' && value !== '' ? [[name, value] as const] : []
  })
  return Object.fromEntries(single)
}

/** What of the request the engine will accept. */
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

/** A hint that names another client than the request decides nothing. */
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
    return undefined // not a JWT: as good as no hint
  }
}

async function isHintValid(hint: string, provider: Provider, clientId: string): Promise<boolean> {
  const client = await provider.Client.find(clientId)
  if (!client) return false
  try {
    await provider.IdToken.validate(hint, client)
    return true
  } catch {
    return false // signed by a key long gone, or by nobody: the client id remains
  }
}

/** Without a session there is nothing to ask: on to the app, or to the signed-out page. */
export function leaveWithoutSession(ctx: Context, request: LogoutRequest, signedOutUrl: string): void {
  const { post_logout_redirect_uri: returnTo, state, client_id: clientId } = request
  const target = new URL(returnTo ?? signedOutUrl)
  if (returnTo !== undefined && state !== undefined) target.searchParams.set('state', state)
  if (returnTo === undefined && clientId !== undefined) target.searchParams.set('client_id', clientId)
  ctx.status = 303
  ctx.set('Cache-Control', 'no-store')
  ctx.redirect(returnTo !== undefined && state === undefined ? returnTo : target.href)
}
