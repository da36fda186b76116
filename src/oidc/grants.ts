/** The grant of a session for one client: found, or made at once for our own apps. */
import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import { recordOf } from './engine-clients.ts'

/** Claims that are always allowed, so that asking for them is no reason for consent. */
const always = new Set(['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss'])

export async function loadExistingGrant(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { provider, session, client, account, result } = ctx.oidc
  if (!client || !session || !account) return undefined
  const consented = result?.consent as { grantId?: string } | undefined
  const grantId = consented?.grantId ?? session.grantIdFor(client.clientId)
  const grant = grantId ? await provider.Grant.find(grantId) : undefined
  if (!recordOf(client).firstParty) return grant
  const own = grant ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  if (allowEverythingAsked(ctx, own) || !grant) await own.save()
  return own
}

/** @returns whether anything was missing */
export function allowEverythingAsked(ctx: KoaContextWithOIDC, grant: Grant): boolean {
  let isChanged = false
  const scopes = missing(ctx.oidc.requestParamOIDCScopes, grant.getOIDCScopeEncountered().split(' '))
  if (scopes.length > 0) {
    grant.addOIDCScope(scopes.join(' '))
    isChanged = true
  }
  const asked = [...ctx.oidc.requestParamClaims].filter((claim) => !always.has(claim))
  const claims = missing(asked, grant.getOIDCClaimsEncountered())
  if (claims.length > 0) {
    grant.addOIDCClaims(claims)
    isChanged = true
  }
  for (const [audience, api] of Object.entries(ctx.oidc.resourceServers ?? {})) {
    const wanted = [...ctx.oidc.requestParamScopes].filter((scope) => api.scopes.has(scope))
    const scopesOfApi = missing(wanted, grant.getResourceScopeEncountered(audience).split(' '))
    if (scopesOfApi.length === 0) continue
    grant.addResourceScope(audience, scopesOfApi.join(' '))
    isChanged = true
  }
  return isChanged
}

const missing = (wanted: Iterable<string>, encountered: readonly string[]) =>
  [...wanted].filter((one) => !encountered.includes(one))
