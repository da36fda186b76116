/** The grant of a session for one client: found, or made at once for our own apps. */
import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import { type Access, asksConsent, missingAccess } from '../consent/consent.ts'
import { recordOf } from './engine-clients.ts'

/** Claims about the sign-in itself; asking for them is no reason for consent (OpenID Connect Core §5.5.1.1). */
const always = new Set(['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss'])

export async function loadExistingGrant(ctx: KoaContextWithOIDC): Promise<Grant | undefined> {
  const { provider, session, client, account, result } = ctx.oidc
  if (!client || !session || !account) return undefined
  const consented = result?.consent as { grantId?: string } | undefined
  const grantId = consented?.grantId ?? session.grantIdFor(client.clientId)
  const grant = grantId ? await provider.Grant.find(grantId) : undefined
  if (asksConsent(recordOf(client))) return grant
  const own = grant ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  const missing = accessMissing(ctx, own)
  if (missing) allow(own, missing)
  if (missing || !grant) await own.save()
  return own
}

/** What this request asks for beyond what the grant has an answer to. */
export function accessMissing(ctx: KoaContextWithOIDC, grant: Grant | undefined): Access | undefined {
  const { requestParamOIDCScopes, requestParamClaims, requestParamScopes, resourceServers = {} } = ctx.oidc
  const apis = Object.entries(resourceServers)
  const requested: Access = {
    scopes: [...requestParamOIDCScopes],
    claims: [...requestParamClaims].filter((claim) => !always.has(claim)),
    apis: Object.fromEntries(
      apis.map(([audience, api]) => [audience, [...requestParamScopes].filter((one) => api.scopes.has(one))]),
    ),
  }
  const answered: Access = {
    scopes: grant?.getOIDCScopeEncountered().split(' ') ?? [],
    claims: grant?.getOIDCClaimsEncountered() ?? [],
    apis: Object.fromEntries(
      apis.map(([audience]) => [audience, grant?.getResourceScopeEncountered(audience).split(' ') ?? []]),
    ),
  }
  return missingAccess(requested, answered)
}

export function allow(grant: Grant, { scopes, claims, apis }: Access): void {
  if (scopes.length > 0) grant.addOIDCScope(scopes.join(' '))
  if (claims.length > 0) grant.addOIDCClaims([...claims])
  for (const [audience, ofApi] of Object.entries(apis)) grant.addResourceScope(audience, ofApi.join(' '))
}
