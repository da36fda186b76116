/** APIs (resource servers) in Postgres. */
import { audienceFault } from '../../clients/audience.ts'
import type { Api } from '../../clients/client.ts'
import type { ApiStore, NewApi } from '../../clients/client-store.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { endClient } from '../protocol/ending.ts'
import { type ApiRow, apiOf } from './client-row.ts'

const columns = 'audience, name, scopes, scope_texts, ttl_seconds, alg, created_at'

export class PostgresApiStore implements ApiStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async find(audience: string): Promise<Api | undefined> {
    if (audienceFault(audience)) return undefined
    const { rows } = await this.#db.query<ApiRow>({
      name: 'api-find',
      text: `select ${columns} from apis where audience = $1`,
      values: [audience],
    })
    return rows[0] && apiOf(rows[0])
  }

  async list(): Promise<Api[]> {
    const { rows } = await this.#db.query<ApiRow>(`select ${columns} from apis order by created_at, audience`)
    return rows.map(apiOf)
  }

  async insert(api: NewApi): Promise<Api> {
    const { rows } = await this.#db.query<ApiRow>(
      `insert into apis (audience, name, scopes, scope_texts, ttl_seconds, alg) values ($1, $2, $3, $4, $5, $6)
       on conflict (audience) do nothing returning ${columns}`,
      valuesOf(api),
    )
    if (!rows[0]) throw new Failure('api_exists', 'conflict', `The API "${api.audience}" already exists.`)
    return apiOf(rows[0])
  }

  update(audience: string, change: (api: Api) => NewApi): Promise<Api> {
    return this.#db.transaction(async (tx) => {
      const found = audienceFault(audience)
        ? undefined
        : // The row lock lasts until the write, so that no parallel change is lost.
          await tx.query<ApiRow>(`select ${columns} from apis where audience = $1 for no key update`, [audience])
      const before = found?.rows[0]
      if (!before) throw missing(audience)
      const { rows } = await tx.query<ApiRow>(
        `update apis set name = $2, scopes = $3, scope_texts = $4, ttl_seconds = $5, alg = $6,
                ttl_changed_at = case when ttl_seconds is distinct from $5 then now() else ttl_changed_at end
          where audience = $1 returning ${columns}`,
        valuesOf({ ...change(apiOf(before)), audience }),
      )
      return apiOf(rows[0] as ApiRow)
    })
  }

  async remove(audience: string): Promise<void> {
    if (audienceFault(audience)) throw missing(audience)
    return this.#db.transaction(async (tx) => {
      const found = await tx.query('select from apis where audience = $1 for update', [audience])
      if (found.rowCount === 0) throw missing(audience)
      const { rows } = await tx.query<{ client_id: string }>(
        'select client_id from client_apis where audience = $1 order by client_id',
        [audience],
      )
      if (rows.length > 0)
        throw inUse(
          audience,
          rows.map((row) => row.client_id),
        )
      await removeCredentials(tx, audience)
      await tx.query('delete from apis where audience = $1', [audience])
    })
  }
}

const valuesOf = (api: NewApi): unknown[] => [
  api.audience,
  api.name ?? null,
  [...api.scopes],
  api.scopeTexts,
  api.ttlSeconds ?? null,
  api.alg,
]

/** Removes the credentials that the API itself uses at Claviger. */
async function removeCredentials(db: Queryable, audience: string): Promise<void> {
  const { rows } = await db.query<{ id: string }>(
    `delete from clients where metadata->>'servesApi' = $1 returning id`,
    [audience],
  )
  for (const { id } of rows) await endClient(db, id)
}

const missing = (audience: string): Failure =>
  new Failure('api_missing', 'missing', `There is no API ${quoted(audience)}.`)

function inUse(audience: string, clients: string[]): Failure {
  const named = clients.slice(0, 5).join(', ') + (clients.length > 5 ? ` and ${clients.length - 5} more` : '')
  return new Failure(
    'api_in_use',
    'conflict',
    `Clients are still registered for "${audience}": ${named}. Remove the API from these clients first.`,
    {
      detail: { clients },
    },
  )
}
