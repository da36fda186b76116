/** A client as RFC 7591 metadata, for the engine. */
import type { Client } from './client.ts'
import { needsSecret, secretPlaceholder } from './client-secret.ts'
import { usesRedirects } from './grant-types.ts'
import { presetRules } from './preset-rules.ts'

/**
 * Passes the engine's own checks for every client that `newClient` made. Settings
 * outside RFC 7591 are read from the client record. `client_secret` is a
 * placeholder: the engine's comparison must be replaced by
 * `isClientSecret(record, presented)`. Equal clients give equal metadata.
 */
export function engineMetadata(client: Client): Record<string, unknown> {
  const rules = presetRules[client.preset]
  return withoutUndefined({
    client_id: client.id,
    client_name: client.name,
    application_type: rules.applicationType,
    grant_types: [...client.grants],
    response_types: usesRedirects(client) ? ['code'] : [],
    redirect_uris: [...client.redirectUris],
    post_logout_redirect_uris: [...client.postLogoutRedirectUris],
    ...authentication(client),
    id_token_signed_response_alg: client.idTokenAlg,
    // RFC 9701: for clients that request a signed response.
    introspection_signed_response_alg: client.tokenEndpointAuthMethod === 'none' ? undefined : client.idTokenAlg,
    ...pages(client),
    dpop_bound_access_tokens: client.dpopBound,
    require_pushed_authorization_requests: client.requirePar,
  })
}

function authentication(client: Client): Record<string, unknown> {
  return {
    // The engine accepts a secret by both methods; `oidc/engine/engine-clients.ts` enforces the registered one.
    token_endpoint_auth_method:
      client.tokenEndpointAuthMethod === 'client_secret' ? 'client_secret_basic' : client.tokenEndpointAuthMethod,
    client_secret: needsSecret(client) ? secretPlaceholder(client.secretDigest) : undefined,
    jwks: client.jwks && { keys: client.jwks.keys.map((key) => ({ ...key })) },
    jwks_uri: client.jwksUri,
  }
}

// The engine accepts only https as initiate_login_uri (OpenID Connect Core §4); on loopback, client_uri replaces it.
function pages(client: Client): Record<string, unknown> {
  return {
    initiate_login_uri: client.startUri?.startsWith('https:') ? client.startUri : undefined,
    client_uri: client.startUri,
    logo_uri: client.logoUri,
    policy_uri: client.policyUri,
    tos_uri: client.tosUri,
  }
}

const withoutUndefined = (values: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined))
