import type { Account } from '../../src/accounts/account.ts'
import type { AccountStore } from '../../src/accounts/account-store.ts'
import { normaliseLogin } from '../../src/accounts/login.ts'
import type { PeopleImportStore } from '../../src/credentials/people-import-store.ts'

interface Kept {
  accounts: Pick<AccountStore, 'insert' | 'disable'>
  people: ReadonlyMap<string, Account>
  hashes: Map<string, string>
  importedFrom: Map<string, string>
}

/** As in Postgres, but without apps, removed people and races. */
export const memoryPeopleImport = ({ accounts, people, hashes, importedFrom }: Kept): PeopleImportStore => ({
  findTaken: async (ids, logins) =>
    [...people.values()]
      .map(({ id, email }) => ({
        id,
        login: normaliseLogin(email) ?? '',
        hasPassword: hashes.has(id),
        importedFrom: importedFrom.get(id),
        holder: 'person' as const,
      }))
      .filter(({ id, login }) => ids.includes(id) || logins.includes(login)),
  async add(newcomers) {
    for (const { person, disabled, password } of newcomers) {
      await accounts.insert(person)
      if (disabled) await accounts.disable(person.id)
      if (!password) continue
      hashes.set(person.id, password.hash)
      importedFrom.set(person.id, password.origin)
    }
    return new Set(newcomers.map(({ person }) => person.id))
  },
})
