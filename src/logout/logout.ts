/**
 * logout tells apps that a person's session has ended (OpenID Connect
 * Back-Channel Logout 1.0). Who is to be told stands in an outbox, written by
 * the very statement that ends the session; here a delivery is made, tried
 * again, and given up in the end. It ends no session itself, and nobody who
 * signs out waits for it.
 */

/** One app to be told of one session. */
export interface LogoutDelivery {
  id: string
  clientId: string
  /** The `sub` of its ID tokens. */
  accountId: string
  /** What this app calls the session. */
  sid: string
  /** The session's own name, for the audit log. */
  sessionUid: string
  /** Undefined: the app has taken it back since. */
  uri: string | undefined
  /** As its ID tokens are signed. */
  alg: string
  /** The app wants to know which session it was. Otherwise every session of the person ends there (§2.4). */
  namesSession: boolean
  /** This try included. */
  attempts: number
}

/** How one try ended. `error` is for an administrator's eyes. */
export type TryResult =
  | { outcome: 'delivered' }
  /** Trying again cannot help. */
  | { outcome: 'refused'; error: string }
  | { outcome: 'again'; error: string }

export type Settlement =
  | { outcome: 'delivered' }
  | { outcome: 'failed'; error: string }
  /** A try that the end of this node cut short does not count. */
  | { outcome: 'again'; error: string; afterSeconds: number; counts: boolean }

export interface LogoutOutbox {
  /**
   * Takes the delivery that has been due for the longest, for `leaseSeconds`: when nothing is settled by then, this
   * node is taken for dead and another may take it. Each is taken by one node at a time.
   * @param exceptClients apps that have enough under way
   */
  take(leaseSeconds: number, exceptClients: readonly string[]): Promise<LogoutDelivery | undefined>
  settle(id: string, settlement: Settlement): Promise<void>
}
