/**
 * The configuration of the engine. An option that is not named here keeps the engine's default on purpose. These
 * features do not exist: implicit, hybrid and password grants, plain PKCE, tokens in query parameters, and unsigned
 * objects.
 */
import type { Configuration } from 'oidc-provider'
import { claimsByScope } from '../../accounts/account-claims.ts'
import { explainOrigin } from '../../clients/explain-redirect.ts'
import { identityScopes } from '../../clients/identity-scopes.ts'
import { isOriginAllowed } from '../../clients/redirect-rules.ts'
import type { KeySet } from '../../keyring/live/key-set.ts'
import { keepToBrowser } from '../device/device-start.ts'
import { loadExistingGrant } from '../interactions/grants.ts'
import { createInteractionPolicy } from '../interactions/interaction-policy.ts'
import type { OidcNeeds } from '../oidc-needs.ts'
import { EngineAdapter } from '../state/engine-adapter.ts'
import type { ModelName } from '../state/model-store.ts'
import { findAccount } from '../tokens/account-claims.ts'
import { checkRequestedScope } from '../tokens/granted-scope.ts'
import { engineTtl } from '../tokens/lifetimes.ts'
import { keepOfflineAccess, offlineParameter } from '../tokens/offline-access.ts'
import { resourceIndicators } from '../tokens/resource-servers.ts'
import { revocationFeatures } from '../tokens/revocation-endpoints.ts'
import { accessTokenClaims } from '../tokens/token-claims.ts'
import { assertClientAssertion } from './client-assertion.ts'
import type { CookieSettings } from './cookies.ts'
import { recordOf } from './engine-clients.ts'
import { engineFetch } from './engine-fetch.ts'
import { EngineKey } from './engine-key.ts'
import { enginePages } from './engine-pages.ts'
import { isPkceMissing } from './pkce-rule.ts'
import { requestIdOf } from './request-id.ts'

/**
 * Asymmetric signatures only. Client secrets are stored as digests, so signatures with a shared secret cannot be
 * verified.
 */
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
      // The engine requires the version of this experimental interface.
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
      // The engine's last check before the person is asked. The APIs of the request are known by now.
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
      // OpenID Connect Back-Channel Logout 1.0 §2.1. `logout/` implements it outside the engine.
      backchannel_logout_supported: true,
      backchannel_logout_session_supported: true,
    },
  }
}

/** The engine signs with the first key that may sign. Standby keys come first; they may sign for the canary only. */
function engineKeys({ standbys, signers }: KeySet): NonNullable<Configuration['jwks']> {
  const forOne = standbys.map((standby) => new EngineKey(standby, standby.onlyFor))
  return { keys: [...forOne, ...signers.map((signer) => new EngineKey(signer))] } as never
}

/** Claims by scope, and the claims of an ID token about the sign-in itself. */
const engineClaims = {
  ...Object.fromEntries(Object.entries(claimsByScope).map(([scope, claims]) => [scope, [...claims]])),
  openid: [...claimsByScope.openid, 'auth_time', 'acr', 'amr'],
  iss: null,
  sid: null,
}
