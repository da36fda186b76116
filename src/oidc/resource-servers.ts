/** APIs as the engine's resource servers (RFC 8707): a JWT access token for each (RFC 9068). */
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { isIdentityScope } from '../clients/identity-scopes.ts'
import type { ClientDirectory } from './client-directory.ts'
import { recordOf } from './engine-clients.ts'
import { type OwnResource, ownResources } from './own-resources.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** @param algorithms those that a key signs for now; the engine would go on signing with a retired key */
export function resourceIndicators(
  directory: Pick<ClientDirectory, 'findApi'>,
  issuer: string,
  algorithms: readonly string[],
) {
  const own = ownResources(issuer)
  return {
    enabled: true,
    /** The first API of a client is meant when it names none; of several granted ones the client's first. Our own scopes say what they are for. */
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
 * A refresh that leaves out every API scope and keeps `openid`: it asks for a token for userinfo, where a token for the
 * API is refused. An app whose API has no scopes never narrows so, and goes on getting tokens for its API.
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
