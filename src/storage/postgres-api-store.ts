/** APIs (resource servers) in Postgres. */
import { audienceFault } from '../clients/audience.ts'
import type { Api } from '../clients/client.ts'
import type { ApiStore } from '../clients/client-store.ts'
import { Failure } from '../errors/failure.ts'
import { quoted } from '../events/plain-text.ts'
import { type ApiRow, apiOf } from './client-row.ts'
import type { Database, Queryable } from './database.ts'
import { endClient } from './ending.ts'

const columns = 'audience, scopes, ttl_seconds, alg, created_at'

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

  async insert(api: Omit<Api, 'createdAt'>): Promise<Api> {
    const { rows } = await this.#db.query<ApiRow>(
      `insert into apis (audience, scopes, ttl_seconds, alg) values ($1, $2, $3, $4)
       on conflict (audience) do nothing returning ${columns}`,
      [api.audience, [...api.scopes], api.ttlSeconds ?? null, api.alg],
    )
    if (!rows[0]) throw new Failure('api_exists', 'conflict', `There is already an API "${api.audience}".`)
    return apiOf(rows[0])
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

/** What the API itself was given to ask us with goes with it. */
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
    `Clients are still registered for "${audience}": ${named}. Take it from them first.`,
    {
      detail: { clients },
    },
  )
}
