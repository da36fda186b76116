import type { AccountId } from '../accounts/account.ts'
import type { NewAccount } from '../accounts/account-store.ts'

/** Who has the id or the sign-in name of a person to be imported. */
export interface TakenName {
  id: AccountId
  /** Normalised. */
  login: string | undefined
  hasPassword: boolean
  /** `ImportedHash.origin` of the hash that they were imported with, whatever their password is now. */
  importedFrom: string | undefined
  /** Of the id; `removed`: so lately that tokens of theirs may be out. */
  holder: 'person' | 'removed' | 'app'
}

export interface PersonToAdd {
  person: NewAccount
  /** Normalised. */
  login: string
  disabled: boolean
  /** As it is to rest. */
  password: { hash: string; origin: string } | undefined
}

/** Where imported people are kept. `storage` implements it on Postgres. */
export interface PeopleImportStore {
  findTaken(ids: readonly AccountId[], logins: readonly string[]): Promise<TakenName[]>
  /** Adds all at once but for those whose id or login was taken meanwhile; gives the ids of those it added. */
  add(people: readonly PersonToAdd[]): Promise<Set<AccountId>>
}
