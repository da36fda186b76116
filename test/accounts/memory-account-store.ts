import type { Account, AccountId } from '../../src/accounts/account.ts'
import type { AccountChanges, AccountStore, Ended, NewAccount } from '../../src/accounts/account-store.ts'
import { normaliseLogin } from '../../src/accounts/login.ts'
import { Failure } from '../../src/errors/failure.ts'

const nothing: Ended = { sessions: 0, grants: 0, refreshTokens: 0 }

/** Accounts in a Map, without anything to end. Held to the same contract as Postgres. */
export class MemoryAccountStore implements AccountStore {
  readonly #accounts = new Map<AccountId, Account>()

  async find(id: AccountId): Promise<Account | undefined> {
    return this.#accounts.get(id)
  }

  async findByLogin(login: string): Promise<Account | undefined> {
    return this.#named(login)
  }

  #named(login: string): Account | undefined {
    const wanted = normaliseLogin(login)
    return [...this.#accounts.values()].find(({ email }) => wanted !== undefined && normaliseLogin(email) === wanted)
  }

  async list({ limit, after, search }: { limit: number; after?: AccountId; search?: string }): Promise<Account[]> {
    const all = [...this.#accounts.values()]
    const from = after === undefined ? 0 : all.findIndex(({ id }) => id === after) + 1
    const isMeant = ({ email, name = '' }: Account) =>
      [email, name].some((text) => text.toLowerCase().includes((search ?? '').toLowerCase()))
    return all.slice(from).filter(isMeant).slice(0, limit)
  }

  async insert(account: NewAccount): Promise<Account> {
    this.#refuseTaken(account.email)
    this.#refuseTakenUsername(account.id, account.username)
    const now = new Date()
    return this.#keep({
      emailVerified: false,
      name: undefined,
      claims: {},
      isAdmin: false,
      disabledAt: undefined,
      createdAt: now,
      updatedAt: now,
      ...account,
    })
  }

  async update(id: AccountId, given: AccountChanges | ((account: Account) => AccountChanges)): Promise<Account> {
    const before = this.#get(id)
    const changes = typeof given === 'function' ? given(before) : given
    const isMoved = changes.email !== undefined && normaliseLogin(changes.email) !== normaliseLogin(before.email)
    if (isMoved) this.#refuseTaken(changes.email ?? '')
    this.#refuseTakenUsername(id, changes.username)
    return this.#keep({
      ...before,
      emailVerified: before.emailVerified && !isMoved,
      ...Object.fromEntries(
        Object.entries(changes)
          .filter(([, value]) => value !== undefined)
          .map(([field, value]) => [field, value ?? undefined]),
      ),
      updatedAt: new Date(),
    })
  }

  #refuseTakenUsername(id: AccountId, wanted: string | null | undefined): void {
    const isTaken = (account: Account) => account.id !== id && account.username?.toLowerCase() === wanted?.toLowerCase()
    if (wanted && [...this.#accounts.values()].some(isTaken)) throw new Failure('username_taken', 'conflict', 'taken')
  }

  async disable(id: AccountId): Promise<Ended> {
    this.#keep({ ...this.#get(id), disabledAt: this.#get(id).disabledAt ?? new Date() })
    return nothing
  }

  async enable(id: AccountId): Promise<Account> {
    return this.#keep({ ...this.#get(id), disabledAt: undefined })
  }

  async signOut(id: AccountId): Promise<Ended> {
    this.#get(id)
    return nothing
  }

  async remove(id: AccountId): Promise<Ended> {
    this.#get(id)
    this.#accounts.delete(id)
    return nothing
  }

  async hasAdmin(): Promise<boolean> {
    return [...this.#accounts.values()].some(({ isAdmin, disabledAt }) => isAdmin && !disabledAt)
  }

  #get(id: AccountId): Account {
    const account = this.#accounts.get(id)
    if (!account) throw new Failure('account_missing', 'missing', 'There is no such account.')
    return account
  }

  #keep(account: Account): Account {
    this.#accounts.set(account.id, account)
    return account
  }

  #refuseTaken(email: string): void {
    if (normaliseLogin(email) === undefined) throw new Failure('account_invalid', 'invalid', 'Not an email address.')
    if (this.#named(email)) throw new Failure('account_exists', 'conflict', 'Taken.')
  }
}
