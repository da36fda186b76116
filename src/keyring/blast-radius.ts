/**
 * What the revocation of a key touches, as far as the deployment knows it. JWTs are kept nowhere; but each came with a
 * refresh token that is, where the app gets those, so that these can be counted.
 */

/** An app that gets something signed with the algorithm. */
export interface ReachedClient {
  clientId: string
  /** Its ID tokens are. */
  idTokens: boolean
  /** Its access tokens for these APIs are. */
  apis: readonly string[]
  /** What it holds now; none of it depends on a signing key. */
  grants: number
  refreshTokens: number
  /** By API, how many access tokens that the key signed have not expired. Of a service nobody knows. */
  livingTokens: Readonly<Record<string, number>> | undefined
}

/** When a key signed, and how long an access token lives whose API says nothing else. */
export interface Signing {
  since: Date | undefined
  until: Date | undefined
  tokenSeconds: number
}

export interface Reach {
  clients: readonly ReachedClient[]
  /** APIs that verify tokens of this algorithm, whoever asks for them. */
  apis: readonly string[]
  /** Browser sessions in which one of those apps was used. */
  sessions: number
  /** No access token lives longer, nor did one before the lifetime of an API changed. */
  longestApiTokenSeconds: number | undefined
}

export interface BlastRadius extends Reach {
  kid: string
  alg: string
  /** By then whatever it signed has expired by itself; undefined for a key that never signed. */
  signedUntil: Date | undefined
}

export interface ReachStore {
  reachOf(alg: string, signing: Signing): Promise<Reach>
}
