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
  /** All claims. A claim that is left out is removed. */
  claims?: ProfileClaims
  isAdmin?: boolean
}

/** The numbers of sessions, grants and refresh tokens that a sign-out, a disabling or a removal ended. */
export interface Ended {
  sessions: number
  grants: number
  refreshTokens: number
}

/** Where accounts are kept. `storage` implements it on Postgres; one contract suite holds every implementation. */
export interface AccountStore {
  find(id: AccountId): Promise<Account | undefined>
  /** Finds an account by sign-in name, in any case and with stray blanks. The store normalises the name. */
  findByLogin(login: string): Promise<Account | undefined>
  /** Lists in order of creation. `after` is an id. `search` matches a part of email or name. */
  list(page: { limit: number; after?: AccountId; search?: string }): Promise<Account[]>
  /** @throws Failure `account_exists`, `username_taken` (conflict). */
  insert(account: NewAccount): Promise<Account>
  /**
   * A new email is not verified unless `emailVerified` is given. A function gets the stored account, and no other
   * change happens in between. @throws Failure `account_missing` (missing); `account_exists`, `username_taken`
   * (conflict).
   */
  update(id: AccountId, changes: AccountChanges | ((account: Account) => AccountChanges)): Promise<Account>
  /** Disables the account and ends every session, grant, code and refresh token in one transaction. */
  disable(id: AccountId, by?: { actor?: string }): Promise<Ended>
  enable(id: AccountId): Promise<Account>
  /**
   * Ends every session, grant, code and refresh token, and does not change the account. `cause` is recorded as the
   * reason.
   */
  signOut(id: AccountId, options?: { exceptSessionUid?: string; cause?: string; actor?: string }): Promise<Ended>
  remove(id: AccountId, by?: { actor?: string }): Promise<Ended>
  /** Is there an administrator yet? `start` prints a hint if not. */
  hasAdmin(): Promise<boolean>
}
