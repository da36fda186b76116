/**
 * logout informs apps that a session of a person has ended (OpenID Connect Back-Channel Logout 1.0). The statement
 * that ends the session also writes one delivery for each app into an outbox. This room sends the deliveries, retries,
 * and gives up after the last try. It ends no session itself, and signing out does not wait for it.
 */

/** The notification of one app about one session. */
export interface LogoutDelivery {
  id: string
  clientId: string
  /** The `sub` of its ID tokens. */
  accountId: string
  /** The session's `sid` at this app. */
  sid: string
  /** The provider's own id of the session, for the audit log. */
  sessionUid: string
  /** Undefined when the app has removed its logout URI since. */
  uri: string | undefined
  /** The algorithm of its ID tokens. */
  alg: string
  /** The app wants the `sid` in the token. Without it, the app ends every session of the person (§2.4). */
  namesSession: boolean
  /** The number of tries, including this one. */
  attempts: number
}

/** The result of one try. `error` is for administrators. */
export type TryResult =
  | { outcome: 'delivered' }
  /** A retry cannot succeed. */
  | { outcome: 'refused'; error: string }
  | { outcome: 'again'; error: string }

export type Settlement =
  | { outcome: 'delivered' }
  | { outcome: 'failed'; error: string }
  /** When the shutdown of this node aborts a try, the try does not count. */
  | { outcome: 'again'; error: string; afterSeconds: number; counts: boolean }

export interface LogoutOutbox {
  /**
   * Leases the delivery that has been due the longest for `leaseSeconds`. If it is not settled by then, another node
   * may take it. One node at a time holds a delivery.
   * @param exceptClients apps with the most deliveries allowed at once
   */
  take(leaseSeconds: number, exceptClients: readonly string[]): Promise<LogoutDelivery | undefined>
  settle(id: string, settlement: Settlement): Promise<void>
}
