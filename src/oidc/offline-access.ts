/**
 * The engine drops `offline_access` unless the request says `prompt=consent`.
 * OpenID Connect Core §11 asks for that "unless other conditions for processing
 * the request permitting offline access to the requested resources are in
 * place": an app of our own is such a condition, and so is a pushed or earlier
 * step of the same request, which `offlineParameter` carries along.
 */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { recordOf } from './engine-clients.ts'
import { requestedScopes } from './granted-scope.ts'

/** An extension parameter; harmless in the hands of a client, for it says no more than the scope does. */
export const offlineParameter = 'claviger_offline'

export async function keepOfflineAccess(ctx: KoaContextWithOIDC, kept: string | undefined): Promise<void> {
  const { client, params } = ctx.oidc
  if (!client || !params || !recordOf(client).firstParty || !client.grantTypeAllowed('refresh_token')) return
  const isAsked = kept === 'true' || requestedScopes(ctx).includes('offline_access')
  if (!isAsked) return
  const scopes = new Set(
    String(params.scope ?? '')
      .split(' ')
      .filter(Boolean),
  )
  params.scope = [...scopes.add('offline_access')].join(' ')
  params[offlineParameter] = 'true'
}
