import type { AccountId } from '../accounts/account.ts'
import type { NewAccount } from '../accounts/account-store.ts'

/** The account or app that already has the id or the sign-in name of a person to import. */
export interface TakenName {
  id: AccountId
  /** Normalised. */
  login: string | undefined
  hasPassword: boolean
  /** `ImportedHash.origin` of the hash with which the person was imported, whatever their password is now. */
  importedFrom: string | undefined
  /**
   * The present holder of the id. `removed`: a person who was removed so recently that their tokens may still be in
   * use.
   */
  holder: 'person' | 'removed' | 'app'
}

export interface PersonToAdd {
  person: NewAccount
  /** Normalised. */
  login: string
  disabled: boolean
  /** The hash in the form that is stored. */
  password: { hash: string; origin: string } | undefined
}

/** Stores imported people. `storage` implements it on Postgres. */
export interface PeopleImportStore {
  findTaken(ids: readonly AccountId[], logins: readonly string[]): Promise<TakenName[]>
  /** Adds all people at once, except those whose id or login was taken meanwhile. Returns the ids of the added ones. */
  add(people: readonly PersonToAdd[]): Promise<Set<AccountId>>
}
