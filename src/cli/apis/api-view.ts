import type { Api } from '../../clients/client.ts'
import type { Config } from '../../config/config.ts'

/** As JSON shows an API; `ttl_seconds` is what its tokens live, `own_ttl` whether that is its own. */
export const apiJson = (api: Api, config: Pick<Config, 'accessTokenSeconds'>) => ({
  audience: api.audience,
  scopes: api.scopes,
  ttl_seconds: api.ttlSeconds ?? config.accessTokenSeconds,
  own_ttl: api.ttlSeconds !== undefined,
  alg: api.alg,
  created_at: api.createdAt,
})
