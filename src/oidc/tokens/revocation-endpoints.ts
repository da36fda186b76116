/**
 * Decides which clients may revoke (RFC 7009) and introspect (RFC 7662) a token. Introspection answers may be signed
 * (RFC 9701).
 */
import type { Context } from 'koa'
import type { Client, Configuration, KoaContextWithOIDC } from 'oidc-provider'
import { recordOf } from '../engine/engine-clients.ts'
import { changeForm } from '../engine/form-body.ts'
import { requestIdOf } from '../engine/request-id.ts'
import type { OidcNeeds } from '../oidc-needs.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'
import { disguised } from './jwt-access-tokens.ts'

interface Token {
  kind?: string
  jti?: string
  clientId?: string
  aud?: string | string[]
}

const isOwner = (_ctx: unknown, client: Client, token: unknown): boolean =>
  (token as Token).clientId === client.clientId

/** The token's own client, or the API it was issued for. */
function mayIntrospect(_ctx: unknown, client: Client, token: unknown): boolean {
  const { aud = [] } = token as Token
  const { servesApi } = recordOf(client)
  return isOwner(_ctx, client, token) || (servesApi !== undefined && [aud].flat().includes(servesApi))
}

export const revocationFeatures = (needs: Pick<OidcNeeds, 'models' | 'events'>) =>
  ({
    introspection: { enabled: true, allowedPolicy: mayIntrospect },
    jwtIntrospection: { enabled: true },
    revocation: { enabled: true, allowedPolicy: mayRevoke(needs) },
  }) as unknown as NonNullable<Configuration['features']>

/**
 * A client that revokes another client's token gets no hint (RFC 7009 §2.2). The attempt is reported, because the
 * client should not have that token.
 */
const mayRevoke =
  ({ models, events }: Pick<OidcNeeds, 'models' | 'events'>) =>
  async (ctx: KoaContextWithOIDC, client: Client, token: unknown): Promise<boolean> => {
    if (isOwner(ctx, client, token)) return true
    const { clientId: owner = '', jti = '', kind } = token as Token
    const about = { clientId: client.clientId, owner, tokenKind: kind, requestId: requestIdOf(ctx) }
    const until = Math.floor(Date.now() / 1000) + 86_400
    // Reported once a day for each token and client.
    const isNews = await UnitOfWork.asking(() => models.remember(`misuse told\n${client.clientId}\n${jti}`, until))
    if (isNews) events.tokenMisused(about)
    return false
  }

const endpoints = new Set(['/token/revocation', '/token/introspection'])

/** The engine refuses values that look like JWTs there, so their dots are replaced. */
export async function disguiseJwts(ctx: Context): Promise<void> {
  if (ctx.method !== 'POST' || !endpoints.has(ctx.path)) return
  await changeForm(ctx, (fields) =>
    fields.map(([name, value]): [string, string] => [name, name === 'token' ? disguised(value) : value]),
  )
}
