/**
 * Finds the grant of a session for one client. A first-party app gets a grant at once, a guest app from a stored
 * consent.
 */
import type { Grant, KoaContextWithOIDC } from 'oidc-provider'
import { type Access, asksConsent, consentLasts, missingAccess, sharedAccess } from '../../consent/consent.ts'
import type { ConsentStore } from '../../consent/consent-store.ts'
import type { ClientDirectory } from '../client-directory.ts'
import { recordOf } from '../engine/engine-clients.ts'
import { UnitOfWork } from '../state/unit-of-work.ts'

/** Claims about the sign-in itself, which need no consent (OpenID Connect Core §5.5.1.1). */
const always = new Set(['sub', 'sid', 'auth_time', 'acr', 'amr', 'iss'])

export async function loadExistingGrant(
  ctx: KoaContextWithOIDC,
  consents: Pick<ConsentStore, 'find'>,
): Promise<Grant | undefined> {
  const { provider, session, client, account, result } = ctx.oidc
  if (!client || !session || !account) return undefined
  const consented = result?.consent as { grantId?: string } | undefined
  const grantId = consented?.grantId ?? session.grantIdFor(client.clientId)
  const grant = grantId ? await provider.Grant.find(grantId) : undefined
  if (asksConsent(recordOf(client))) return withRememberedAccess(ctx, grant, consents)
  const grantOrNew = grant ?? new provider.Grant({ accountId: account.accountId, clientId: client.clientId })
  const missing = accessMissing(ctx, grantOrNew)
  if (missing) allow(grantOrNew, missing)
  if (missing || !grant) await grantOrNew.save()
  return grantOrNew
}

/** Adds the access that the person allowed this app before, in any browser. A device always needs a new consent. */
async function withRememberedAccess(
  ctx: KoaContextWithOIDC,
  grant: Grant | undefined,
  consents: Pick<ConsentStore, 'find'>,
): Promise<Grant | undefined> {
  const { provider, client, account, deviceCode } = ctx.oidc
  if (!client || !account || deviceCode || consentLasts(recordOf(client)) !== 'until-withdrawn') return grant
  const missing = ctx.oidc.promptPending('consent') ? undefined : accessMissing(ctx, grant)
  if (!missing) return grant
  const { accountId } = account
  const remembered = await UnitOfWork.asking(() => consents.find(accountId, client.clientId))
  const known = remembered && sharedAccess(missing, remembered.access)
  if (!known) return grant
  const renewed = grant ?? new provider.Grant({ accountId, clientId: client.clientId })
  allow(renewed, known)
  await renewed.save()
  UnitOfWork.current?.consent({ accountId, clientId: client.clientId })
  return renewed
}

/** Stores the consent to a guest app. A first-party app needs no consent, so there is none to withdraw. */
export async function rememberAnswer(
  { accountId, clientId }: Grant,
  allowed: Access,
  directory: Pick<ClientDirectory, 'find'>,
): Promise<void> {
  const record = clientId === undefined ? undefined : await directory.find(clientId)
  if (!record || !asksConsent(record) || !accountId) return
  UnitOfWork.current?.consent({ accountId, clientId: record.id, allowed })
}

/** Everything that this request asks for. */
export function accessRequested(ctx: KoaContextWithOIDC): Access {
  return accessMissing(ctx, undefined) ?? { scopes: [], claims: [], apis: {} }
}

/** The requested access that the grant has no answer for. */
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
