/**
 * The bare oidc-provider core, configured for exactly what the measured flows
 * need: PKCE, rotating refresh tokens, JWT access tokens for one API, no consent.
 * What it leaves out (pages, limits, logs, hashing …) is what Claviger adds.
 */
import { exportJWK, generateKeyPair, type JWK } from 'jose'
import {
  type AdapterConstructor,
  type AdapterFactory,
  type Configuration,
  type KoaContextWithOIDC,
  Provider,
} from 'oidc-provider'
import type { YardstickClients } from '../contenders/yardstick-clients.ts'

async function newSigningKey(alg: string): Promise<JWK> {
  const { privateKey } = await generateKeyPair(alg, { extractable: true })
  return { ...(await exportJWK(privateKey)), alg, use: 'sig', kid: `bench-${alg}` }
}

/** The grant of this session and client, or a new one that allows all that is asked. */
async function grantEverything(ctx: KoaContextWithOIDC) {
  const { client, session, account, provider, params } = ctx.oidc
  if (!client || !session) return undefined
  const grantId = session.grantIdFor(client.clientId)
  if (grantId) return provider.Grant.find(grantId)
  if (!account) return undefined
  const grant = new provider.Grant({ clientId: client.clientId, accountId: account.accountId })
  grant.addOIDCScope(String(params?.['scope']))
  for (const [resource, server] of Object.entries(ctx.oidc.resourceServers ?? {})) {
    grant.addResourceScope(resource, [...server.scopes].join(' '))
  }
  await grant.save()
  return grant
}

/** Builds the core over any adapter; both yardsticks differ in nothing else. */
export async function createCore(
  issuer: string,
  clients: YardstickClients,
  adapter: AdapterConstructor | AdapterFactory,
): Promise<Provider> {
  const { app, boundApp, service, api } = clients
  const publicClient = (clientId: string) => ({
    client_id: clientId,
    redirect_uris: [app.redirectUri],
    token_endpoint_auth_method: 'none' as const,
    grant_types: ['authorization_code', 'refresh_token'],
    response_types: ['code' as const],
  })
  const configuration: Configuration = {
    adapter,
    jwks: { keys: [await newSigningKey('ES256'), await newSigningKey('RS256')] as never },
    cookies: { keys: ['a-cookie-key-for-the-benchmark'] },
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    clients: [
      publicClient(app.clientId),
      publicClient(boundApp.clientId),
      {
        client_id: service.clientId,
        client_secret: service.clientSecret,
        token_endpoint_auth_method: 'client_secret_basic',
        grant_types: ['client_credentials'],
        redirect_uris: [],
        response_types: [],
      },
    ],
    pkce: { required: () => true },
    rotateRefreshToken: true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // The core drops offline_access without prompt=consent, so the client's id says which life its tokens have.
    expiresWithSession: async (_ctx, source) => source.clientId === boundApp.clientId,
    loadExistingGrant: grantEverything,
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: () => ({ sub }) }),
    interactions: { url: (_ctx, interaction) => `/interaction/${interaction.uid}` },
    features: {
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
      resourceIndicators: {
        enabled: true,
        defaultResource: () => api.audience,
        useGrantedResource: () => true,
        getResourceServerInfo: () => ({
          scope: api.scope,
          audience: api.audience,
          accessTokenFormat: 'jwt',
          accessTokenTTL: 600,
          jwt: { sign: { alg: 'ES256' } },
        }),
      },
    },
    ttl: {
      AuthorizationCode: 60,
      Grant: 90 * 86400,
      IdToken: 600,
      Interaction: 3600,
      RefreshToken: 14 * 86400,
      Session: 14 * 86400,
    },
  }
  return new Provider(issuer, configuration)
}
