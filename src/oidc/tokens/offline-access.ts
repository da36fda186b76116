/**
 * The engine drops `offline_access` unless the request says `prompt=consent`. OpenID Connect Core §11 requires that
 * "unless other conditions for processing the request permitting offline access to the requested resources are in
 * place". A first-party app is such a condition. A pushed or earlier step of the same request is another;
 * `offlineParameter` carries it to the next step.
 */
import type { KoaContextWithOIDC } from 'oidc-provider'
import { recordOf } from '../engine/engine-clients.ts'
import { requestedScopes } from './granted-scope.ts'

/** An extension parameter. It is harmless when a client sends it, because it means the same as the scope. */
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
