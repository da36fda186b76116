import type { Account, AccountId } from '../accounts/account.ts'
import type { Ended } from '../accounts/account-store.ts'

export interface AccountWithHash {
  account: Account
  /** PHC string; undefined when no password is set. */
  hash: string | undefined
}

/** Stores password hashes. `storage` implements it on Postgres. */
export interface PasswordStore {
  /** Finds account and hash in one look-up. The store normalises the login. Disabled accounts are found, too. */
  findByLogin(login: string): Promise<AccountWithHash | undefined>
  /**
   * Sets a new password. The same transaction ends every session, grant and token of the account, except those of the
   * session in which the password was changed.
   * @throws Failure `account_missing` (missing).
   */
  set(accountId: AccountId, hash: string, options?: { keepSessionUid?: string }): Promise<Ended>
  /**
   * Stores a new hash of the same password. Nothing else changes, and nothing at all if `from` is no longer the hash.
   */
  rehash(accountId: AccountId, from: string, to: string): Promise<void>
}
