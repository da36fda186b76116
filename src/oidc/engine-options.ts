/**
 * The engine, configured as a product. What is not named here is the engine's
 * default on purpose; what is off does not exist: implicit, hybrid and password
 * grants, plain PKCE, query parameter tokens, unsigned anything.
 */
import type { Configuration } from 'oidc-provider'
import { claimsByScope } from '../accounts/account-claims.ts'
import { explainOrigin } from '../clients/explain-redirect.ts'
import { identityScopes } from '../clients/identity-scopes.ts'
import { isOriginAllowed } from '../clients/redirect-rules.ts'
import type { KeySet } from '../keyring/key-set.ts'
import { findAccount } from './account-claims.ts'
import { assertClientAssertion } from './client-assertion.ts'
import type { CookieSettings } from './cookies.ts'
import { keepToBrowser } from './device-start.ts'
import { EngineAdapter } from './engine-adapter.ts'
import { recordOf } from './engine-clients.ts'
import { engineFetch } from './engine-fetch.ts'
import { EngineKey } from './engine-key.ts'
import { enginePages } from './engine-pages.ts'
import { checkRequestedScope } from './granted-scope.ts'
import { loadExistingGrant } from './grants.ts'
import { createInteractionPolicy } from './interaction-policy.ts'
import { engineTtl } from './lifetimes.ts'
import type { ModelName } from './model-store.ts'
import { keepOfflineAccess, offlineParameter } from './offline-access.ts'
import type { OidcNeeds } from './oidc-needs.ts'
import { isPkceMissing } from './pkce-rule.ts'
import { requestIdOf } from './request-id.ts'
import { resourceIndicators } from './resource-servers.ts'
import { revocationFeatures } from './revocation-endpoints.ts'
import { accessTokenClaims } from './token-claims.ts'

/** Verified by asymmetric signature only; a shared secret is kept as a digest and can sign nothing. */
const assertionAlgs = ['ES256', 'RS256', 'PS256', 'EdDSA', 'Ed25519'] as const

export function engineOptions(needs: OidcNeeds, keys: KeySet, cookies: CookieSettings): Configuration {
  const { config } = needs
  const pages = enginePages(needs.pages, cookies.engine)
  const algorithms = keys.algorithms as NonNullable<Configuration['enabledJWA']>['idTokenSigningAlgValues']
  const settings = {
    refreshGraceSeconds: config.refreshGraceSeconds,
    sessionTouchSeconds: Math.min(60, Math.ceil(config.sessionIdleSeconds / 10)),
    sealingSecret: needs.secrets.csrf,
    now: () => Math.floor(Date.now() / 1000),
  }

  return {
    adapter: (name: string) => new EngineAdapter(name as ModelName, needs.models, settings),
    jwks: engineKeys(keys),
    cookies: cookies.engine,
    ttl: engineTtl(config) as NonNullable<Configuration['ttl']>,

    responseTypes: ['code'],
    scopes: [...identityScopes],
    claims: engineClaims,
    acrValues: [...needs.acrValues],
    subjectTypes: ['public'],
    conformIdTokenClaims: false,
    clientAuthMethods: ['none', 'client_secret_basic', 'client_secret_post', 'private_key_jwt'],
    clientDefaults: {
      id_token_signed_response_alg: 'ES256',
      grant_types: ['authorization_code'],
      response_types: ['code'],
    },
    enabledJWA: {
      idTokenSigningAlgValues: algorithms,
      userinfoSigningAlgValues: algorithms,
      introspectionSigningAlgValues: algorithms,
      authorizationSigningAlgValues: algorithms,
      clientAuthSigningAlgValues: [...assertionAlgs],
      requestObjectSigningAlgValues: [...assertionAlgs],
      dPoPSigningAlgValues: ['ES256', 'EdDSA', 'Ed25519'],
    } as Configuration['enabledJWA'],
    allowOmittingSingleRegisteredRedirectUri: false,
    assertJwtClientAuthClaimsAndHeader: assertClientAssertion,
    clockTolerance: 5,

    features: {
      devInteractions: { enabled: false },
      claimsParameter: { enabled: true },
      clientCredentials: { enabled: true },
      deviceFlow: { enabled: true, charset: 'base-20', mask: '****-****', ...pages.deviceFlow },
      dPoP: { enabled: true, nonceSecret: needs.secrets.dpopNonce, requireNonce: () => false },
      pushedAuthorizationRequests: { enabled: true, allowUnregisteredRedirectUris: false },
      resourceIndicators: resourceIndicators(needs.directory, config.issuer, keys.algorithms),
      ...revocationFeatures(needs),
      rpInitiatedLogout: { enabled: true, ...pages.logout },
      userinfo: { enabled: true },
      // The engine asks that its version of the interface be named.
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
    },

    pkce: { required: isPkceMissing },
    clientBasedCORS: (ctx, origin, client) => {
      const record = recordOf(client)
      if (isOriginAllowed(record, origin)) return true
      const { closest, difference } = explainOrigin(record, origin)
      needs.events.originRefused({ clientId: record.id, origin, closest, difference, requestId: requestIdOf(ctx) })
      return false
    },
    extraParams: {
      // The last check of a request before a person is asked: by now its APIs are known.
      async [offlineParameter](ctx, kept) {
        await keepOfflineAccess(ctx, kept)
        await checkRequestedScope(ctx, needs)
      },
    },
    interactions: {
      policy: createInteractionPolicy(),
      async url(ctx, interaction) {
        await keepToBrowser(ctx, interaction)
        return cookies.interactionPath(ctx, interaction.uid)
      },
    },
    loadExistingGrant: (ctx) => loadExistingGrant(ctx, needs.consents),
    fetch: engineFetch(needs.fetch),
    findAccount: (ctx, id) => findAccount(ctx, id, needs.accounts),
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    expiresWithSession: async (_ctx, source) => !source.scopes.has('offline_access'),
    rotateRefreshToken: true,
    formats: {
      bitsOfOpaqueRandomness: 256,
      customizers: { jwt: accessTokenClaims(config.issuer, needs.issueSecond, needs.nextStatusPlace) },
    },
    renderError: pages.renderError,
    discovery: {
      ui_locales_supported: [...needs.locales],
      service_documentation: undefined,
      // OpenID Connect Back-Channel Logout 1.0 §2.1; the engine does not know that we do it.
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    },
  }
}

/** The engine signs with the first key that may: the standbys, which may for the canary alone, come first. */
function engineKeys({ standbys, signers }: KeySet): NonNullable<Configuration['jwks']> {
  const forOne = standbys.map((standby) => new EngineKey(standby, standby.onlyFor))
  return { keys: [...forOne, ...signers.map((signer) => new EngineKey(signer))] } as never
}

/** By scope, and what an ID token says of the sign-in itself. */
const engineClaims = {
  ...Object.fromEntries(Object.entries(claimsByScope).map(([scope, claims]) => [scope, [...claims]])),
  openid: [...claimsByScope.openid, 'auth_time', 'acr', 'amr'],
  iss: null,
  sid: null,
}
