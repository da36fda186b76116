/** The stores that operations change, all bound to one transaction while an operation runs. */

import type { AccountId } from '../accounts/account.ts'
import type { AccountStore, Ended } from '../accounts/account-store.ts'
import type { ApiStore, ClientStore } from '../clients/client-store.ts'
import type { AttemptThrottle } from '../credentials/attempt-throttle.ts'

/** The actor, as the log of revocations names it. */
export interface By {
  actor: string
}

export interface Stores {
  accounts: AccountStore
  passwords: { set(accountId: AccountId, hash: string, by?: By): Promise<Ended> }
  attempts: Pick<AttemptThrottle, 'forget'>
  clients: ClientStore
  apis: ApiStore
  sessions: SessionEndings
  revocations: RevocationWrites
  streams: StreamRemoval
}

export interface SessionEndings {
  /** The number of active browser sessions of the account. */
  count(accountId: AccountId): Promise<number>
  /** Ends a session with its grants and refresh tokens. Undefined if no such session is active. */
  end(id: string, by: By): Promise<{ accountId: AccountId } | undefined>
}

/** A stored token without claims. */
export interface OpaqueToken {
  what: 'refresh token' | 'access token'
  clientId: string | undefined
  accountId: string | undefined
}

export interface RevocationWrites {
  /** Revokes one access token. `expiresAt` is the expiry by its `exp`, if known. */
  revokeToken(jti: string, by: By & { expiresAt?: Date | undefined }): Promise<void>
  /** Revokes a session by its uid or by the `sid` of one client. `ended` is true if the session was active. */
  revokeSession(sid: string, by: By): Promise<{ ended: boolean }>
  /** Revokes every grant and token of an app. */
  revokeClient(clientId: string, by: By): Promise<{ grants: number; refreshTokens: number }>
  /** Revokes every access token issued so far. */
  revokeAll(issuer: string, by: By): Promise<unknown>
  /** Revokes a refresh token with its grant, or one opaque access token. Undefined if the token is unknown. */
  revokeOpaque(token: string): Promise<OpaqueToken | undefined>
}

export interface StreamRemoval {
  /** Undefined if there is no such stream. */
  find(id: string): Promise<{ id: string; clientId: string } | undefined>
  /** Returns false if there was no such stream. */
  remove(id: string): Promise<boolean>
}
