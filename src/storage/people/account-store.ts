import type { Account, AccountId } from '../../accounts/account.ts'
import type { AccountChanges, AccountStore, Ended, NewAccount } from '../../accounts/account-store.ts'
import { loginFault, normaliseLogin } from '../../accounts/login.ts'
import { Failure } from '../../errors/failure.ts'
import type { Database, Queryable, Rows } from '../connection/database.ts'
import { type EndAccountOptions, endAccount } from '../protocol/ending.ts'
import { type AccountRow, accountColumns, accountFromRow } from './account-row.ts'

export class PostgresAccountStore implements AccountStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async find(id: AccountId): Promise<Account | undefined> {
    return first(
      await this.#db.lookUp<AccountRow>({
        name: 'account',
        text: `select ${accountColumns} from accounts where id = $1`,
        values: [storable(id)],
      }),
    )
  }

  async findByLogin(login: string): Promise<Account | undefined> {
    return first(
      await this.#db.query<AccountRow>(`select ${accountColumns} from accounts where login = $1`, [
        normaliseLogin(login) ?? null,
      ]),
    )
  }

  async list(page: { limit: number; after?: AccountId; search?: string }): Promise<Account[]> {
    // `position` instead of `like`, because the search text has no wildcards.
    const { rows } = await this.#db.query<AccountRow>(
      `select ${accountColumns} from accounts
        where ($2::text is null or (created_at, id) > (select a.created_at, a.id from accounts a where a.id = $2))
          and ($3::text is null or position(lower($3) in lower(email)) > 0 or position(lower($3) in lower(name)) > 0
               or position(lower($3) in lower(username)) > 0)
        order by accounts.created_at, accounts.id
        limit $1`,
      [page.limit, page.after === undefined ? null : storable(page.after), storable(page.search ?? '') || null],
    )
    return rows.map(accountFromRow)
  }

  async insert(account: NewAccount): Promise<Account> {
    const rows = this.#db.query<AccountRow>(
      `insert into accounts (id, login, email, email_verified, name, claims, is_admin, username)
       values ($1, $2, $3, $4, $5, $6, $7, $8) returning ${accountColumns}`,
      [
        account.id,
        loginOf(account.email),
        account.email,
        account.emailVerified ?? false,
        account.name ?? null,
        account.claims ?? {},
        account.isAdmin ?? false,
        account.username ?? null,
      ],
    )
    return only(await rows.catch(nameClash), account.id)
  }

  update(id: AccountId, changes: AccountChanges | ((account: Account) => AccountChanges)): Promise<Account> {
    return this.#db.transaction(async (tx) => {
      const before = only(
        await tx.query<AccountRow>(`select ${accountColumns} from accounts where id = $1 for no key update`, [
          storable(id),
        ]),
        id,
      )
      const wanted = typeof changes === 'function' ? changes(before) : changes
      const { email, emailVerified, name, username, claims, isAdmin } = wanted
      const login = email === undefined ? null : loginOf(email)
      const rows = tx.query<AccountRow>(
        `update accounts
            set login = coalesce($2, login), email = coalesce($3, email),
                email_verified = coalesce($4, email_verified and ($2::text is null or $2 = login)),
                name = $5, claims = coalesce($6, claims), is_admin = coalesce($7, is_admin), username = $8,
                updated_at = now()
          where id = $1 returning ${accountColumns}`,
        [
          storable(id),
          login,
          email ?? null,
          emailVerified ?? null,
          (name === undefined ? before.name : name) ?? null,
          claims ?? null,
          isAdmin ?? null,
          (username === undefined ? before.username : username) ?? null,
        ],
      )
      return only(await rows.catch(nameClash), id)
    })
  }

  disable(id: AccountId, by: { actor?: string } = {}): Promise<Ended> {
    return this.#end(
      id,
      'update accounts set disabled_at = coalesce(disabled_at, now()), updated_at = now() where id = $1',
      { cause: 'account.disabled', ...by },
    )
  }

  async enable(id: AccountId): Promise<Account> {
    return only(
      await this.#db.query<AccountRow>(
        `update accounts set disabled_at = null, updated_at = now() where id = $1 returning ${accountColumns}`,
        [storable(id)],
      ),
      id,
    )
  }

  signOut(id: AccountId, options: { exceptSessionUid?: string; cause?: string; actor?: string } = {}): Promise<Ended> {
    return this.#end(id, 'select 1 from accounts where id = $1 for no key update', options)
  }

  remove(id: AccountId, by: { actor?: string } = {}): Promise<Ended> {
    return this.#end(id, 'delete from accounts where id = $1', { cause: 'account.removed', isGone: true, ...by })
  }

  async hasAdmin(): Promise<boolean> {
    const { rows } = await this.#db.query<{ has: boolean }>(
      'select exists (select 1 from accounts where is_admin and disabled_at is null) as has',
    )
    return rows[0]?.has === true
  }

  /** Changes the account first. Its row lock makes locking readers wait until the transaction ends. */
  #end(id: AccountId, change: string, options: EndAccountOptions = {}): Promise<Ended> {
    return this.#db.transaction(async (client: Queryable) => {
      const { rowCount } = await client.query(change, [storable(id)])
      if (rowCount === 0) throw missing(id)
      return endAccount(client, id, options)
    })
  }
}

/** Postgres text cannot hold a NUL, so no stored value contains one. */
const storable = (text: string): string => text.replaceAll('\0', '')

function loginOf(email: string): string {
  const login = normaliseLogin(email)
  if (login === undefined) throw new Failure('account_invalid', 'invalid', `email ${loginFault(email)}.`)
  return login
}

const missing = (id: AccountId) =>
  new Failure('account_missing', 'missing', 'There is no such account.', { detail: { accountId: id } })

const first = ({ rows: [row] }: Rows<AccountRow>): Account | undefined => row && accountFromRow(row)

function only(found: Rows<AccountRow>, id: AccountId): Account {
  const account = first(found)
  if (!account) throw missing(id)
  return account
}

/** The unique index decides, so that only one of two parallel inserts succeeds. */
function nameClash(error: unknown): never {
  const isClash = error instanceof Error && 'code' in error && error.code === '23505'
  if (!isClash) throw error
  if ('constraint' in error && error.constraint === 'accounts_username') {
    throw new Failure('username_taken', 'conflict', 'Another person has this username. Choose another username.', {
      cause: error,
    })
  }
  throw new Failure('account_exists', 'conflict', 'Another account signs in with this email already.', { cause: error })
}
