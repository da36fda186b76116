/** How an authorization response may travel: by the ways that the client's preset needs, errors included. */
import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { isResponseModeAllowed } from '../clients/preset-rules.ts'
import { recordOf } from './engine-clients.ts'

/** The engine sends an error by the mode that was asked for; one that is not allowed must not carry the error either. */
export function sendErrorsByAllowedMode(provider: Provider): void {
  const useQuery = (ctx: KoaContextWithOIDC) => {
    const { client, params, responseMode } = ctx.oidc
    if (client && params && !isResponseModeAllowed(recordOf(client), responseMode)) params.response_mode = 'query'
  }
  provider.on('authorization.error', useQuery)
  provider.on('server_error', useQuery)
}
