/**
 * Decides which requested scopes are granted. The administrator learns of every scope that cannot be granted. A request
 * of which no scope can be granted gets `invalid_scope`. The token answer names every granted scope (RFC 6749 §3.3,
 * §5.1). The engine would drop scopes silently, and could answer with an empty `scope`.
 */
import type { Context } from 'koa'
import type Provider from 'oidc-provider'
import { errors, type KoaContextWithOIDC } from 'oidc-provider'
import { requestIdOf } from '../engine/request-id.ts'
import type { OidcEvents } from '../oidc-needs.ts'
import type { ModelStore } from '../state/model-store.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

export interface ScopeNeeds {
  events: Pick<OidcEvents, 'scopeRefused'>
  models: Pick<ModelStore, 'remember'>
}

const words = (scope: unknown): string[] =>
  typeof scope === 'string' ? [...new Set(scope.split(' ').filter(Boolean))] : []

/** Keeps the requested scope before the engine removes unknown scopes, also when a pushed request named it. */
export function noteRequestedScope(ctx: KoaContextWithOIDC): void {
  ctx.state.requestedScope = ctx.oidc.params?.scope
}

/** The scopes that the client asked for. */
export function requestedScopes(ctx: KoaContextWithOIDC): string[] {
  const { scope } = (ctx.oidc.body ?? ctx.query) as Record<string, unknown>
  return words(ctx.state.requestedScope ?? scope)
}

/**
 * Called at the authorization, PAR and device endpoints, before the person is asked.
 * @throws InvalidScope when no scope is requested, or none can be granted
 */
export async function checkRequestedScope(ctx: KoaContextWithOIDC, needs: ScopeNeeds): Promise<void> {
  if (requestedScopes(ctx).length === 0) {
    throw new errors.InvalidScope(
      'the request names no scope, and there is no default (RFC 6749 §3.3)',
      undefined as never,
    )
  }
  const { requestParamOIDCScopes, requestParamScopes, resourceServers = {} } = ctx.oidc
  const ofApis = Object.values(resourceServers).flatMap(({ scopes }) => [...scopes])
  const grantable = [...requestParamOIDCScopes, ...ofApis.filter((scope) => requestParamScopes.has(scope))]
  await settle(ctx, grantable, needs)
}

/** Client credentials: only scopes of the API can be granted, since no person signs in. */
export function checkServiceScope(provider: Provider, needs: ScopeNeeds): void {
  type Token = InstanceType<Provider['ClientCredentials']>
  const { prototype } = provider.ClientCredentials as unknown as { prototype: Token }
  const { save } = prototype
  async function checkedSave(this: Token, ...rest: Parameters<typeof save>) {
    const ctx = currentContext(provider)
    if (ctx) await settle(ctx, this.resourceServer ? words(this.scope) : [], needs)
    return save.apply(this, rest)
  }
  Object.defineProperty(prototype, 'save', { value: checkedSave })
}

const currentContext = (provider: Provider): KoaContextWithOIDC | undefined =>
  (provider.constructor as typeof Provider).ctx

/** @throws InvalidScope when scopes were requested and none is granted */
async function settle(ctx: KoaContextWithOIDC, granted: readonly string[], { events, models }: ScopeNeeds) {
  const asked = requestedScopes(ctx)
  if (asked.length > 0 && granted.length === 0) throw nothingGranted()
  const refused = asked.filter((scope) => !granted.includes(scope))
  if (refused.length === 0) return
  const about = refusedScopes(ctx, refused, granted)
  const until = Math.floor(Date.now() / 1000) + 86_400
  // The log gets each request; the audit log gets each client and set of scopes once a day.
  const isNews = await UnitOfWork.asking(() =>
    models.remember(`scope told\n${about.clientId}\n${refused.join(' ')}`, until),
  )
  events.scopeRefused({ ...about, isNews })
}

/** RFC 6749 §5.2 names no parameter for the scope, so the answer does not echo it. */
const nothingGranted = () =>
  new errors.InvalidScope('none of the requested scopes can be granted to this client', undefined as never)

/** The event members about scopes that a request did not get. */
export const refusedScopes = (ctx: KoaContextWithOIDC, refused: readonly string[], granted: readonly string[]) => ({
  clientId: ctx.oidc.client?.clientId,
  requestId: requestIdOf(ctx),
  scopes: refused.join(' '),
  granted: granted.join(' '),
  apis: Object.keys(ctx.oidc.resourceServers ?? {}),
})

type GrantSource = { scope?: string | undefined; resource?: string | string[] | undefined }

/**
 * Makes the token answer name every granted scope, of OpenID Connect and of each API. Apps send this value when they
 * refresh, and a refresh without `openid` returns no ID token.
 */
export function nameGrantedScope(ctx: Context): void {
  if (ctx.method !== 'POST' || ctx.path !== '/token' || ctx.status !== 200) return
  const { oidc } = ctx as unknown as KoaContextWithOIDC
  const body = ctx.body as { scope?: string } | undefined
  const { Grant: grant, AuthorizationCode, DeviceCode, RefreshToken } = oidc.entities
  const source = (AuthorizationCode ?? DeviceCode ?? RefreshToken) as GrantSource | undefined
  if (!body || !grant || !source) return
  const { scope: narrowed, grant_type: grantType } = oidc.params ?? {}
  const asked = new Set(words((grantType === 'refresh_token' && narrowed) || source.scope))
  const ofToken = words(body.scope).filter((scope) => asked.has(scope))
  const ofApis = [source.resource ?? []].flat().flatMap((api) => words(grant.getResourceScopeFiltered(api, asked)))
  const granted = new Set([...words(grant.getOIDCScopeFiltered(asked)), ...ofToken, ...ofApis])
  const { scope: _, ...rest } = body
  ctx.body = granted.size > 0 ? { ...rest, scope: [...granted].join(' ') } : rest
}
