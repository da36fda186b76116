/** What operations change: the stores of the rooms below, all bound to one transaction while an operation runs. */

import type { AccountId } from '../accounts/account.ts'
import type { AccountStore, Ended } from '../accounts/account-store.ts'
import type { ApiStore, ClientStore } from '../clients/client-store.ts'
import type { AttemptThrottle } from '../credentials/attempt-throttle.ts'

/** Who did it, as the log of revocations names the actor. */
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
  /** How many browser sessions of the account live. */
  count(accountId: AccountId): Promise<number>
  /** Ends a session with its grants and refresh tokens. Undefined: no such session lives. */
  end(id: string, by: By): Promise<{ accountId: AccountId } | undefined>
}

/** A token that is stored, and so says nothing by itself. */
export interface OpaqueToken {
  what: 'refresh token' | 'access token'
  clientId: string | undefined
  accountId: string | undefined
}

export interface RevocationWrites {
  /** One access token. `expiresAt`: when it expires, as far as its text says so. */
  revokeToken(jti: string, by: By & { expiresAt?: Date | undefined }): Promise<void>
  /** A session by its uid or by what one client knows it as; `ended` when it lived. */
  revokeSession(sid: string, by: By): Promise<{ ended: boolean }>
  /** All that an app was issued so far. */
  revokeClient(clientId: string, by: By): Promise<{ grants: number; refreshTokens: number }>
  /** Every access token that was issued so far. */
  revokeAll(issuer: string, by: By): Promise<unknown>
  /** A refresh token with its grant, or one opaque access token. Undefined: not known. */
  revokeOpaque(token: string): Promise<OpaqueToken | undefined>
}

export interface StreamRemoval {
  /** Undefined: there is no such stream. */
  find(id: string): Promise<{ id: string; clientId: string } | undefined>
  /** False: there was none. */
  remove(id: string): Promise<boolean>
}
