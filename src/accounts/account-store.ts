import type { Account, AccountId, ProfileClaims } from './account.ts'

export interface NewAccount {
  id: AccountId
  email: string
  emailVerified?: boolean
  name?: string | undefined
  username?: string | undefined
  claims?: ProfileClaims
  isAdmin?: boolean
}

export interface AccountChanges {
  email?: string
  emailVerified?: boolean
  /** Null removes it. */
  name?: string | null
  /** Null removes it. */
  username?: string | null
  /** All of them; those that are left out are removed. */
  claims?: ProfileClaims
  isAdmin?: boolean
}

/** How much of a person's state ended with a sign-out, a disabling or a removal. */
export interface Ended {
  sessions: number
  grants: number
  refreshTokens: number
}

/** Where accounts are kept. `storage` implements it on Postgres; one contract suite holds every implementation. */
export interface AccountStore {
  find(id: AccountId): Promise<Account | undefined>
  /** By sign-in name in any case and with stray blanks; the store normalises. */
  findByLogin(login: string): Promise<Account | undefined>
  /** In order of creation, `after` an id. `search` matches a part of email or name. */
  list(page: { limit: number; after?: AccountId; search?: string }): Promise<Account[]>
  /** @throws Failure `account_exists`, `username_taken` (conflict). */
  insert(account: NewAccount): Promise<Account>
  /**
   * A new email counts as not verified until somebody says so. A function is given the account as it is stored, and no
   * other change gets in between. @throws Failure `account_missing` (missing); `account_exists`,
   * `username_taken` (conflict).
   */
  update(id: AccountId, changes: AccountChanges | ((account: Account) => AccountChanges)): Promise<Account>
  /** Marks it and ends every session, grant, code and refresh token in one transaction. */
  disable(id: AccountId, by?: { actor?: string }): Promise<Ended>
  enable(id: AccountId): Promise<Account>
  /** Ends every session, grant, code and refresh token, and leaves the account as it is. `cause`: for whoever asks why. */
  signOut(id: AccountId, options?: { exceptSessionUid?: string; cause?: string; actor?: string }): Promise<Ended>
  remove(id: AccountId, by?: { actor?: string }): Promise<Ended>
  /** Is there an administrator yet? Decides what `start` prints. */
  hasAdmin(): Promise<boolean>
}
