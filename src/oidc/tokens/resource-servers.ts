/** APIs as the engine's resource servers (RFC 8707). Each gets JWT access tokens (RFC 9068). */
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { isIdentityScope } from '../../clients/identity-scopes.ts'
import type { ClientDirectory } from '../client-directory.ts'
import { recordOf } from '../engine/engine-clients.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'
import { type OwnResource, ownResources } from './own-resources.ts'

/** @param algorithms algorithms for which a key signs now; the engine would continue to sign with a retired key */
export function resourceIndicators(
  directory: Pick<ClientDirectory, 'findApi'>,
  issuer: string,
  algorithms: readonly string[],
) {
  const own = ownResources(issuer)
  return {
    enabled: true,
    /**
     * A request that names no API means the client's first API, or the first of several granted ones. Scopes of
     * Claviger's own resources select those resources.
     */
    defaultResource: async (ctx: KoaContextWithOIDC, client: Client, oneOf?: readonly string[]) => {
      const record = recordOf(client)
      const { apis } = record
      const ours = own.filter((resource) => resource.isFor(record))
      const asked = String(ctx.oidc?.params?.scope ?? '').split(' ')
      const meant = ours.find(({ scopes }) => scopes.some((scope) => asked.includes(scope)))
      if (meant || (apis.length === 0 && ours[0])) return (meant ?? ours[0])?.audience
      const fitting = oneOf ? apis.find((audience) => oneOf.includes(audience)) : apis[0]
      return fitting ?? oneOf?.[0]
    },
    useGrantedResource: async (ctx: KoaContextWithOIDC, source: { scopes: ReadonlySet<string> }) =>
      !asksForIdentityAlone(ctx, source),
    getResourceServerInfo: async (_ctx: KoaContextWithOIDC, audience: string, client: Client) => {
      const ours = own.find((resource) => resource.audience === audience && resource.isFor(recordOf(client)))
      if (ours) return asResourceServer(ours)
      const isRegistered = recordOf(client).apis.includes(audience)
      const api = isRegistered ? await UnitOfWork.asking(() => directory.findApi(audience)) : undefined
      if (!api) throw new errors.InvalidTarget('this client is not registered for that resource')
      if (!algorithms.includes(api.alg)) throw new errors.InvalidTarget('no key signs for that resource any more')
      return {
        scope: api.scopes.join(' '),
        audience,
        accessTokenFormat: 'jwt' as const,
        ...(api.ttlSeconds === undefined ? {} : { accessTokenTTL: api.ttlSeconds }),
        jwt: { sign: { alg: api.alg as 'ES256' } },
      }
    },
  }
}

/**
 * Does a refresh keep `openid` and leave out every API scope? Then it asks for a token for userinfo, which refuses an
 * API's token. An app whose API has no scopes cannot narrow so, and still gets tokens for its API.
 */
function asksForIdentityAlone(ctx: KoaContextWithOIDC, { scopes }: { scopes: ReadonlySet<string> }): boolean {
  const { params, requestParamOIDCScopes, requestParamScopes } = ctx.oidc
  if (params?.grant_type !== 'refresh_token' || !requestParamScopes.has('openid')) return false
  const isNarrowed = [...scopes].some((scope) => !isIdentityScope(scope))
  return isNarrowed && requestParamScopes.size === requestParamOIDCScopes.size
}

const asResourceServer = ({ audience, scopes }: OwnResource) => ({
  scope: scopes.join(' '),
  audience,
  accessTokenFormat: 'jwt' as const,
  jwt: { sign: { alg: 'ES256' as const } },
})
