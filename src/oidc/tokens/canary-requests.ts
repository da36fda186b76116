/** Reports how the canary's token requests were answered: with which keys, and whether the canary refreshed early. */
import { decodeProtectedHeader } from 'jose'
import type Provider from 'oidc-provider'
import type { KoaContextWithOIDC } from 'oidc-provider'
import { knownGrantType } from '../engine/event-wiring.ts'

export interface CanaryRequest {
  clientId: string
  /** Keys that signed the tokens in the answer. */
  kids: ReadonlySet<string>
  isRefresh: boolean
  /**
   * The canary refreshed before half of the access token's lifetime was over, as an app does when its tokens are
   * refused.
   */
  isEarly: boolean
}

export function watchCanary(
  provider: Provider,
  canary: string | undefined,
  answered: (request: CanaryRequest) => void,
): void {
  if (canary === undefined) return
  provider.on('grant.success', (ctx) => {
    if (ctx.oidc.client?.clientId === canary) answered(requestOf(ctx, canary))
  })
}

function requestOf(ctx: KoaContextWithOIDC, clientId: string): CanaryRequest {
  const { access_token, id_token, expires_in = 0 } = ctx.body as Answer
  const kids = [access_token, id_token].flatMap((token) => kidOf(token) ?? [])
  const { RotatedRefreshToken, RefreshToken } = ctx.oidc.entities
  const renewed = RotatedRefreshToken ?? RefreshToken
  const isRefresh = knownGrantType(ctx.oidc.params?.grant_type) === 'refresh_token'
  const age = Date.now() / 1000 - (renewed?.iat ?? 0)
  return { clientId, kids: new Set(kids), isRefresh, isEarly: isRefresh && age < expires_in / 2 }
}

interface Answer {
  access_token?: string
  id_token?: string
  expires_in?: number
}

const kidOf = (token: string | undefined): string | undefined =>
  token?.startsWith('eyJ') ? decodeProtectedHeader(token).kid : undefined
