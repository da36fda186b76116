/** Names of people and clients, including the last names of removed ones. */
import { normaliseLogin } from '../../accounts/login.ts'
import type { SubjectName, SubjectNames } from '../../events/events.ts'
import type { Database } from '../connection/database.ts'

export class PostgresSubjectNames implements SubjectNames {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async of(ids: readonly string[]): Promise<ReadonlyMap<string, SubjectName>> {
    if (ids.length === 0) return new Map()
    const { rows } = await this.#db.query<{ id: string; email: string | null; name: string | null }>(
      `select distinct on (id) id, email, name
         from (select id, email, name, 'infinity'::timestamptz as until from accounts where id = any($1)
               union all
               select id, null, name, 'infinity' from clients where id = any($1)
               union all
               select id, email, name, until from former_names where id = any($1)) as called
        order by id, until desc`,
      [[...new Set(ids)]],
    )
    return new Map(rows.map(({ id, email, name }) => [id, { email: email ?? undefined, name: name ?? undefined }]))
  }

  async accountsCalled(named: string): Promise<string[]> {
    const { rows } = await this.#db.query<{ id: string }>(
      `select id from accounts where id = $1 or login = $2
       union
       select id from former_names where email is not null and (id = $1 or login = $2)
       union
       select account_id from (select account_id from events where account_id = $1 limit 1) as recorded`,
      [named, normaliseLogin(named) ?? null],
    )
    return rows.map(({ id }) => id)
  }
}
