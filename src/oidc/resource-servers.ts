/** APIs as the engine's resource servers (RFC 8707): a JWT access token for each (RFC 9068). */
import type { Client, KoaContextWithOIDC } from 'oidc-provider'
import { errors } from 'oidc-provider'
import type { ClientDirectory } from './client-directory.ts'
import { recordOf } from './engine-clients.ts'
import { UnitOfWork } from './unit-of-work.ts'

export function resourceIndicators(directory: Pick<ClientDirectory, 'findApi'>) {
  return {
    enabled: true,
    /** The first API of a client is meant when it names none; of several granted ones the client's first. */
    defaultResource: async (_ctx: KoaContextWithOIDC, client: Client, oneOf?: readonly string[]) => {
      const { apis } = recordOf(client)
      const fitting = oneOf ? apis.find((audience) => oneOf.includes(audience)) : apis[0]
      return fitting ?? oneOf?.[0]
    },
    useGrantedResource: async () => true,
    getResourceServerInfo: async (_ctx: KoaContextWithOIDC, audience: string, client: Client) => {
      const isRegistered = recordOf(client).apis.includes(audience)
      const api = isRegistered ? await UnitOfWork.asking(() => directory.findApi(audience)) : undefined
      if (!api) throw new errors.InvalidTarget('this client is not registered for that resource')
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
