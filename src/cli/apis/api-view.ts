/** How commands name an API, and how they show one. */
import type { Api } from '../../clients/client.ts'
import { scopeTextOf } from '../../clients/new-api.ts'
import type { Config } from '../../config/config.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import type { Desk } from '../desk.ts'
import { duration } from '../moment.ts'
import type { TypedDuration } from '../option-values.ts'
import type { Printer } from '../printer.ts'

export const audienceArgument = ['<audience>', 'audience of the API, from apis list'] as const

/** @throws Failure `api_missing`. */
export async function getApi(desk: Pick<Desk, 'apis'>, audience: string): Promise<Api> {
  const api = await desk.apis.find(audience)
  if (api) return api
  throw new Failure('api_missing', 'missing', `There is no API ${quoted(audience)}; 'claviger apis list' lists them.`)
}

/** The JSON of an API. `ttl_seconds` is the lifetime of its tokens; `own_ttl` is false for the deployment's default. */
export const apiJson = (api: Api, config: Pick<Config, 'accessTokenSeconds'>) => ({
  audience: api.audience,
  name: api.name ?? null,
  scopes: api.scopes,
  scope_texts: api.scopeTexts,
  ttl_seconds: ttlSecondsOf(api, config),
  own_ttl: api.ttlSeconds !== undefined,
  alg: api.alg,
  created_at: api.createdAt,
})

export const ttlSecondsOf = (api: Api, config: Pick<Config, 'accessTokenSeconds'>): number =>
  api.ttlSeconds ?? config.accessTokenSeconds

/** @param ttl the lifetime as typed in this command */
export function printApi(
  printer: Printer,
  api: Api,
  config: Pick<Config, 'accessTokenSeconds'>,
  ttl: TypedDuration | undefined,
): void {
  printer.fields([
    ['audience', { text: api.audience, tone: 'strong' }],
    ['name', api.name],
    ['scopes', api.scopes.map((scope) => [scope, scopeTextOf(api, scope)].filter((part) => part).join(': '))],
    ['tokens live', lifetimeText(api, config, ttl)],
    ['alg', api.alg],
  ])
}

const lifetimeText = (api: Api, config: Pick<Config, 'accessTokenSeconds'>, ttl: TypedDuration | undefined): string =>
  api.ttlSeconds === undefined
    ? `${duration(config.accessTokenSeconds)} (CLAVIGER_ACCESS_TOKEN_TTL)`
    : (ttl?.text ?? duration(api.ttlSeconds))
