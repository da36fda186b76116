/** APIs as the engine's resource servers (RFC 8707): a JWT access token for each (RFC 9068). */
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import { errors } from 'oidc-provider'
import { revocationScope } from '../clients/api-credentials.ts'
import { feedOf } from '../revocation/frames.ts'
import type { ClientDirectory } from './client-directory.ts'
import { recordOf } from './engine-clients.ts'
import { UnitOfWork } from './unit-of-work.ts'

/** @param algorithms those that a key signs for now; the engine would go on signing with a retired key */
export function resourceIndicators(
  directory: Pick<ClientDirectory, 'findApi'>,
  issuer: string,
  algorithms: readonly string[],
) {
  const feed = feedOf(issuer)
  return {
    enabled: true,
    /** The first API of a client is meant when it names none; of several granted ones the client's first. */
    defaultResource: async (_ctx: KoaContextWithOIDC, client: Client, oneOf?: readonly string[]) => {
      const { apis, servesApi } = recordOf(client)
      if (servesApi !== undefined && apis.length === 0) return feed
      const fitting = oneOf ? apis.find((audience) => oneOf.includes(audience)) : apis[0]
      return fitting ?? oneOf?.[0]
    },
    useGrantedResource: async () => true,
    getResourceServerInfo: async (_ctx: KoaContextWithOIDC, audience: string, client: Client) => {
      if (audience === feed && recordOf(client).servesApi !== undefined) return feedResource(feed)
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

/** The revocation feed, for the credentials of an API. */
const feedResource = (audience: string) => ({
  scope: revocationScope,
  audience,
  accessTokenFormat: 'jwt' as const,
  jwt: { sign: { alg: 'ES256' as const } },
})
