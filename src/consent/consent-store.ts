/** Stores people's consents to guest apps. */
import type { AccountId } from '../accounts/account.ts'
import type { ClientId } from '../clients/client.ts'
import type { Access } from './consent.ts'

export interface RememberedConsent {
  clientId: ClientId
  access: Access
  /** When the person first allowed the app. */
  allowedAt: Date
}

export interface ConsentStore {
  find(accountId: AccountId, clientId: ClientId): Promise<RememberedConsent | undefined>
  /** Lists the latest consent first. */
  list(accountId: AccountId): Promise<RememberedConsent[]>
  /**
   * Deletes the consent and revokes every grant of this person for the app, with its codes and tokens, in one
   * transaction. Returns false when there was neither a consent nor a grant.
   */
  withdraw(accountId: AccountId, clientId: ClientId): Promise<boolean>
}
