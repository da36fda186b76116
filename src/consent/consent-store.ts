/** What is remembered of a person's answers to guest apps. */
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
  /** The latest first. */
  list(accountId: AccountId): Promise<RememberedConsent[]>
  /**
   * Forgets the answer and ends every grant that this person gave the app, with all codes and tokens made from it, in
   * one transaction. False when nothing was remembered and nothing granted.
   */
  withdraw(accountId: AccountId, clientId: ClientId): Promise<boolean>
}
