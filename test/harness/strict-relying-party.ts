/**
 * The same sign-in by `oauth4webapi`: no convenience, every protocol step by hand, so that an answer which a friendlier
 * library forgives (a missing `iss`, a wrong content type) fails a test.
 */
import * as oauth from 'oauth4webapi'
import type { AddedClient } from './people.ts'

const insecure = { [oauth.allowInsecureRequests]: true }

export interface StrictStart {
  url: URL
  verifier: string
  state: string
  nonce: string
}

export class StrictRelyingParty {
  readonly server: oauth.AuthorizationServer
  readonly client: oauth.Client
  readonly redirectUri: string
  readonly #auth: oauth.ClientAuth

  private constructor(server: oauth.AuthorizationServer, client: AddedClient, redirectUri: string) {
    this.server = server
    this.client = { client_id: client.client_id }
    this.redirectUri = redirectUri
    this.#auth = client.client_secret === undefined ? oauth.None() : oauth.ClientSecretBasic(client.client_secret)
  }

  /** @param algorithm `oauth2` reads `/.well-known/oauth-authorization-server`, `oidc` the OpenID Connect document */
  static async discover(
    issuer: string,
    client: AddedClient,
    redirectUri: string,
    algorithm: 'oidc' | 'oauth2' = 'oauth2',
  ): Promise<StrictRelyingParty> {
    const url = new URL(issuer)
    const response = await oauth.discoveryRequest(url, { algorithm, ...insecure })
    return new StrictRelyingParty(await oauth.processDiscoveryResponse(url, response), client, redirectUri)
  }

  async start(scope: string): Promise<StrictStart> {
    const { verifier, state, nonce, parameters } = await this.#parameters(scope)
    const url = new URL(this.server.authorization_endpoint ?? '')
    url.search = parameters.toString()
    return { url, verifier, state, nonce }
  }

  /** By a pushed authorization request (RFC 9126): the URL carries nothing but a reference. */
  async startPushed(scope: string): Promise<StrictStart> {
    const { verifier, state, nonce, parameters } = await this.#parameters(scope)
    const response = await oauth.pushedAuthorizationRequest(this.server, this.client, this.#auth, parameters, insecure)
    const { request_uri } = await oauth.processPushedAuthorizationResponse(this.server, this.client, response)
    const url = new URL(this.server.authorization_endpoint ?? '')
    url.search = new URLSearchParams({ client_id: this.client.client_id, request_uri }).toString()
    return { url, verifier, state, nonce }
  }

  async finish(callback: URL, { verifier, state, nonce }: StrictStart): Promise<oauth.TokenEndpointResponse> {
    const parameters = oauth.validateAuthResponse(this.server, this.client, callback, state)
    const response = await oauth.authorizationCodeGrantRequest(
      this.server,
      this.client,
      this.#auth,
      parameters,
      this.redirectUri,
      verifier,
      insecure,
    )
    return oauth.processAuthorizationCodeResponse(this.server, this.client, response, {
      expectedNonce: nonce,
      requireIdToken: true,
    })
  }

  async refresh(refreshToken: string): Promise<oauth.TokenEndpointResponse> {
    const response = await oauth.refreshTokenGrantRequest(this.server, this.client, this.#auth, refreshToken, insecure)
    return oauth.processRefreshTokenResponse(this.server, this.client, response)
  }

  async #parameters(scope: string) {
    const verifier = oauth.generateRandomCodeVerifier()
    const [state, nonce] = [oauth.generateRandomState(), oauth.generateRandomNonce()]
    const parameters = new URLSearchParams({
      client_id: this.client.client_id,
      redirect_uri: this.redirectUri,
      response_type: 'code',
      scope,
      state,
      nonce,
      code_challenge: await oauth.calculatePKCECodeChallenge(verifier),
      code_challenge_method: 'S256',
    })
    return { verifier, state, nonce, parameters }
  }
}
