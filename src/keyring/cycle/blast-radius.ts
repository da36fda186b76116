/**
 * What the revocation of a key affects, as far as the deployment knows. JWTs are not stored. The refresh tokens issued
 * with them are, and these can be counted.
 */

/** An app that receives tokens signed with the algorithm. */
export interface ReachedClient {
  clientId: string
  /** Whether its ID tokens are signed with the algorithm. */
  idTokens: boolean
  /** APIs whose access tokens for this app are signed with the algorithm. */
  apis: readonly string[]
  /** Its current grants. They do not depend on a signing key. */
  grants: number
  refreshTokens: number
  /**
   * For each API, the number of unexpired access tokens that the key signed. Undefined for a service, whose tokens are
   * not counted.
   */
  livingTokens: Readonly<Record<string, number>> | undefined
}

/** When a key signed, and the default lifetime of an access token, for APIs without their own. */
export interface Signing {
  since: Date | undefined
  until: Date | undefined
  tokenSeconds: number
}

export interface Reach {
  clients: readonly ReachedClient[]
  /** APIs that verify tokens of this algorithm, whichever client requests them. */
  apis: readonly string[]
  /** Browser sessions in which one of those apps was used. */
  sessions: number
  /** The longest lifetime of an access token, also before the lifetime of an API changed. */
  longestApiTokenSeconds: number | undefined
}

export interface BlastRadius extends Reach {
  kid: string
  alg: string
  /** When everything that it signed has expired; undefined for a key that never signed. */
  signedUntil: Date | undefined
}

export interface ReachStore {
  reachOf(alg: string, signing: Signing): Promise<Reach>
}
