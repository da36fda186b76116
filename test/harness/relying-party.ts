/** A real server-side or native app: `openid-client` as its authors mean it to be used. */
import * as oidc from 'openid-client'
import type { AddedClient } from './people.ts'

export interface StartedSignIn {
  url: URL
  verifier: string
  state: string
  nonce: string
}

export type Tokens = oidc.TokenEndpointResponse & oidc.TokenEndpointResponseHelpers

export interface RelyingParty {
  config: oidc.Configuration
  redirectUri: string
  /** Builds an authorization request with PKCE, state and nonce. */
  start(parameters?: Record<string, string>): Promise<StartedSignIn>
  /** Takes the callback and exchanges the code; every check of the library applies. */
  finish(callback: URL, started: StartedSignIn): Promise<Tokens>
  refresh(refreshToken: string, parameters?: Record<string, string>): Promise<Tokens>
  userinfo(accessToken: string, subject: string): Promise<oidc.UserInfoResponse>
  /** Where a person signs out; `parameters` such as `id_token_hint`. */
  signOutUrl(parameters: Record<string, string>): URL
}

export interface RelyingPartyOptions {
  redirectUri?: string
  scope?: string
  /** How it authenticates at the token endpoint; by its secret in HTTP Basic if it has one. */
  auth?: oidc.ClientAuth
}

export async function relyingParty(
  issuer: string,
  client: AddedClient,
  { redirectUri = 'https://app.example/callback', scope = 'openid profile email', auth }: RelyingPartyOptions = {},
): Promise<RelyingParty> {
  const secret = client.client_secret
  const authentication = auth ?? (secret === undefined ? oidc.None() : oidc.ClientSecretBasic(secret))
  const config = await oidc.discovery(new URL(issuer), client.client_id, {}, authentication, {
    // The tests' issuer is plain http on the loopback.
    execute: [oidc.allowInsecureRequests],
  })
  return {
    config,
    redirectUri,
    async start(parameters = {}) {
      const verifier = oidc.randomPKCECodeVerifier()
      const [state, nonce] = [oidc.randomState(), oidc.randomNonce()]
      const url = oidc.buildAuthorizationUrl(config, {
        redirect_uri: redirectUri,
        scope,
        state,
        nonce,
        code_challenge: await oidc.calculatePKCECodeChallenge(verifier),
        code_challenge_method: 'S256',
        ...parameters,
      })
      return { url, verifier, state, nonce }
    },
    finish: (callback, { verifier, state, nonce }) =>
      oidc.authorizationCodeGrant(config, callback, {
        pkceCodeVerifier: verifier,
        expectedState: state,
        expectedNonce: nonce,
        idTokenExpected: true,
      }),
    refresh: (refreshToken, parameters) => oidc.refreshTokenGrant(config, refreshToken, parameters),
    userinfo: (accessToken, subject) => oidc.fetchUserInfo(config, accessToken, subject),
    signOutUrl: (parameters) => oidc.buildEndSessionUrl(config, parameters),
  }
}
