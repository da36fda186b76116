import type { AccountId } from '../../accounts/account.ts'
import type { PeopleImportStore, PersonToAdd, TakenName } from '../../credentials/people-import-store.ts'
import { kinds } from '../../revocation/revocation.ts'
import type { Database } from '../connection/database.ts'

interface TakenRow {
  id: AccountId
  login: string | null
  has_password: boolean
  imported_from: string | null
  holder: TakenName['holder']
}

export class PostgresPeopleImport implements PeopleImportStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /**
   * Removed ids come from the log of revocations: its entry would also revoke the tokens of a new account with that id.
   * Ids of apps count as taken, because an app's own tokens have its id as `sub` (RFC 9700 §4.15).
   */
  async findTaken(ids: readonly AccountId[], logins: readonly string[]): Promise<TakenName[]> {
    const { rows } = await this.#db.query<TakenRow>(
      `select id, login, hash is not null as has_password, imported_from, 'person' as holder
         from accounts left join passwords on account_id = id
        where id = any($1) or login = any($2)
       union all
       select id, null, false, null, 'app' from clients where id = any($1)
       union all
       select r.value, null, false, null, 'removed'
         from revocation_feeds f, unnest($1::text[]) as given(id)
         join revocations r on r.kind = ${kinds.sub} and r.value = given.id and r.not_before is null
        where r.key = revocation_key(${kinds.sub}::smallint, given.id, f.salt)`,
      [ids, logins],
    )
    return rows.map((row) => ({
      id: row.id,
      login: row.login ?? undefined,
      hasPassword: row.has_password,
      importedFrom: row.imported_from ?? undefined,
      holder: row.holder,
    }))
  }

  /**
   * One statement adds accounts and passwords, so that no account exists without its imported password. Rows are inserted
   * in the order of their logins, so that two imports of the same people cannot deadlock.
   */
  async add(people: readonly PersonToAdd[]): Promise<Set<AccountId>> {
    const { rows } = await this.#db.query<{ id: AccountId }>(
      `with given as (
         select * from jsonb_to_recordset($1) as g(
           id text, login text, email text, email_verified boolean, name text, claims jsonb,
           disabled boolean, hash text, imported_from text)
       ), added as (
         insert into accounts (id, login, email, email_verified, name, claims, disabled_at)
         select id, login, email, email_verified, name, claims, case when disabled then now() end from given
          where not exists (select from clients where clients.id = given.id)
          order by login
         on conflict do nothing
         returning id
       ), kept as (
         insert into passwords (account_id, hash, imported_from)
         select id, hash, imported_from from given join added using (id) where hash is not null
       )
       select id from added`,
      [JSON.stringify(people.map(asRow))],
    )
    return new Set(rows.map(({ id }) => id))
  }
}

const asRow = ({ person, login, disabled, password }: PersonToAdd) => ({
  id: person.id,
  login,
  email: person.email,
  email_verified: person.emailVerified ?? false,
  name: person.name,
  claims: person.claims ?? {},
  disabled,
  hash: password?.hash,
  imported_from: password?.origin,
})
