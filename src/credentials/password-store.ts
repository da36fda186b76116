import type { Account, AccountId } from '../accounts/account.ts'
import type { Ended } from '../accounts/account-store.ts'

export interface AccountWithHash {
  account: Account
  /** PHC string; undefined when no password is set. */
  hash: string | undefined
}

/** Where password hashes are kept. `storage` implements it on Postgres. */
export interface PasswordStore {
  /** Account and hash in one look-up; the store normalises the login. Disabled accounts are found too. */
  findByLogin(login: string): Promise<AccountWithHash | undefined>
  /**
   * A new password ends every session, grant and token of the account in the same
   * transaction, but for those of the session in which it was changed.
   * @throws Failure `account_missing` (missing).
   */
  set(accountId: AccountId, hash: string, options?: { keepSessionUid?: string }): Promise<Ended>
  /** The same password under other parameters; nothing else changes, and nothing at all if `from` is no longer the hash. */
  rehash(accountId: AccountId, from: string, to: string): Promise<void>
}
