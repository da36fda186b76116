/** Turns the engine's events into Claviger's events. No decision may depend on them, because events can get lost. */
import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { explainRedirectUri } from '../../clients/explain-redirect.ts'
import { Failure } from '../../errors/failure.ts'
import type { OidcEvents } from '../oidc-needs.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'
import { refusedScopes, requestedScopes } from '../tokens/granted-scope.ts'
import { recordOf } from './engine-clients.ts'
import { remedyOf } from './remedy.ts'
import { requestIdOf } from './request-id.ts'

export interface EngineError extends Error {
  error?: string
  error_detail?: string
  error_description?: string
  /** With the engine's `invalid_scope`: the scopes that it refused. */
  scope?: string
}

export function announce(provider: Provider, events: OidcEvents): void {
  /** Reports a request that got none of its scopes, or asked for more than its refresh token has. */
  const reportScope = (ctx: KoaContextWithOIDC, { error, scope }: EngineError): void => {
    if (error !== 'invalid_scope') return
    const refused = scope === undefined ? requestedScopes(ctx) : [scope]
    if (refused.length === 0) return
    events.scopeRefused({ ...refusedScopes(ctx, refused, []), isNews: true })
  }

  const reportRemedy = (ctx: KoaContextWithOIDC, error: EngineError): void => {
    const remedy = remedyOf(error)
    if (remedy === undefined) return
    const [clientId, requestId] = [ctx.oidc.client?.clientId, requestIdOf(ctx)]
    events.requestRefused({
      clientId,
      requestId,
      error: error.error ?? 'server_error',
      reason: detailOf(error),
      remedy,
    })
  }

  provider.on('grant.error', (ctx, error: EngineError) => {
    events.tokenRefused({
      grantType: knownGrantType(ctx.oidc.params?.grant_type),
      error: error.error ?? 'server_error',
      detail: detailOf(error),
      clientId: ctx.oidc.client?.clientId,
      requestId: requestIdOf(ctx),
    })
    reportScope(ctx, error)
    reportRemedy(ctx, error)
  })
  provider.on('grant.revoked', (ctx, grantId) => {
    // The transaction that revokes the grant also records the replay (`token-commit.ts`).
    if (ctx.oidc.route === 'token' && UnitOfWork.current?.replayed) return
    events.grantRevoked({ grantId, ...whoFrom(ctx) })
  })
  const authorizationRefused = (ctx: KoaContextWithOIDC, error: EngineError) => {
    const { params, client } = ctx.oidc
    if (error.error === 'invalid_redirect_uri' && client) {
      const explanation = explainRedirectUri(
        recordOf(client),
        String(params?.redirect_uri ?? ctx.query.redirect_uri ?? ''),
      )
      events.redirectUriRefused({ clientId: client.clientId, ...explanation, requestId: requestIdOf(ctx) })
    } else {
      events.authorizationRefused({
        error: error.error ?? 'server_error',
        detail: detailOf(error),
        clientId: client?.clientId,
        requestId: requestIdOf(ctx),
      })
      reportScope(ctx, error)
      reportRemedy(ctx, error)
    }
  }
  provider.on('authorization.error', authorizationRefused)
  provider.on('pushed_authorization_request.error', authorizationRefused)
  provider.on('device_authorization.error', authorizationRefused)
  provider.on('end_session.success', (ctx) => {
    events.signedOut({ ...whoFrom(ctx) })
  })
  provider.on('server_error', (ctx, error) => {
    // A failure of the store is reported where the request is answered.
    if (!UnitOfWork.current?.failure) events.serverError({ error, requestId: requestIdOf(ctx) })
  })
}

/**
 * Details for the log, which the app does not get: the engine's description, and the failure of a fetch from a client's
 * server.
 */
export function detailOf(error: EngineError): string | undefined {
  const said = error.error_detail ?? error.error_description
  const ours = failureBehind(error)
  return ours ? `${said}: ${ours.message}` : said
}

function failureBehind(error: EngineError): Failure | undefined {
  let cause: unknown = error
  for (let depth = 0; depth < 5 && cause instanceof Error; depth += 1) {
    if (cause instanceof Failure) return cause
    cause = cause.cause
  }
  return undefined
}

/** Labels of a counter. Text from a request never becomes a label. */
const grantTypes = new Set([
  'authorization_code',
  'refresh_token',
  'client_credentials',
  'urn:ietf:params:oauth:grant-type:device_code',
])
export const knownGrantType = (value: unknown) => (typeof value === 'string' && grantTypes.has(value) ? value : 'other')

function whoFrom(ctx: KoaContextWithOIDC) {
  const accountId = ctx.oidc.session?.accountId ?? ctx.oidc.account?.accountId
  const clientId = ctx.oidc.client?.clientId
  return {
    accountId: typeof accountId === 'string' ? accountId : undefined,
    clientId: typeof clientId === 'string' ? clientId : undefined,
    source: typeof ctx.state.source === 'string' ? ctx.state.source : undefined,
    requestId: requestIdOf(ctx),
  }
}
