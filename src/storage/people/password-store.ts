import type { AccountId } from '../../accounts/account.ts'
import type { Ended } from '../../accounts/account-store.ts'
import { normaliseLogin } from '../../accounts/login.ts'
import type { AccountWithHash, PasswordStore } from '../../credentials/password-store.ts'
import { Failure } from '../../errors/failure.ts'
import type { Database } from '../connection/database.ts'
import { endAccount } from '../protocol/ending.ts'
import { type AccountRow, accountColumns, accountFromRow } from './account-row.ts'

export class PostgresPasswordStore implements PasswordStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async findByLogin(login: string): Promise<AccountWithHash | undefined> {
    // A name that no account can have is also looked up, so that timing does not reveal it.
    const { rows } = await this.#db.query<AccountRow & { hash: string | null }>({
      name: 'account and password',
      text: `select ${accountColumns}, hash from accounts left join passwords on account_id = id where login = $1`,
      values: [normaliseLogin(login) ?? null],
    })
    const [row] = rows
    return row && { account: accountFromRow(row), hash: row.hash ?? undefined }
  }

  set(accountId: AccountId, hash: string, options: { keepSessionUid?: string; actor?: string } = {}): Promise<Ended> {
    return this.#db.transaction(async (client) => {
      const { rows } = await client.query<{ is_first: boolean }>(
        `insert into passwords (account_id, hash) select id, $2 from accounts where id = $1 for no key update
             on conflict (account_id) do update set hash = excluded.hash, changed_at = now()
         returning xmax = 0 as is_first`,
        [accountId, hash],
      )
      if (!rows[0]) {
        throw new Failure('account_missing', 'missing', 'There is no such account.', { detail: { accountId } })
      }
      return endAccount(client, accountId, {
        exceptSessionUid: options.keepSessionUid,
        cause: 'password.changed',
        actor: options.actor,
        isFirstPassword: rows[0].is_first,
      })
    })
  }

  /**
   * Examples of imported hashes: two of each stored form and cost, because one may be damaged. Returns the twenty most
   * frequent forms, the most frequent first.
   */
  async importedExamples(): Promise<string[]> {
    const { rows } = await this.#db.query<{ first: string; last: string }>(
      `select min(hash) as first, max(hash) as last from passwords where imported_from is not null
        group by substring(hash from '^\\$[^$]+(?:\\$(?:\\d+|[a-z]+=[^$]*)(?=\\$))*')
        order by count(*) desc limit 20`,
    )
    return rows.flatMap(({ first, last }) => [first, last])
  }

  /** Replaces the hash only if it is still `from`. */
  async rehash(accountId: AccountId, from: string, to: string): Promise<void> {
    await this.#db.query('update passwords set hash = $3 where account_id = $1 and hash = $2', [accountId, from, to])
  }
}
