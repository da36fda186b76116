/** Clients in Postgres. Triggers notify running nodes of every write. */
import type { Client, ClientId } from '../../clients/client.ts'
import { clientIdPattern } from '../../clients/client-id.ts'
import type { ClientStore, NewClient } from '../../clients/client-store.ts'
import { Failure } from '../../errors/failure.ts'
import { quoted } from '../../events/plain-text.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { endClient } from '../protocol/ending.ts'
import { type ClientRow, clientOf, metadataOf } from './client-row.ts'

const columns = `c.id, c.name, c.preset, c.first_party, c.secret_digest, c.secret_rotated_at,
  c.previous_secret_digest, c.previous_secret_until, c.metadata, c.created_at, c.updated_at,
  array(select a.audience from client_apis a where a.client_id = c.id order by a.position) as apis`

export class PostgresClientStore implements ClientStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async find(id: ClientId): Promise<Client | undefined> {
    // No client has an id of another form, and Postgres rejects a NUL.
    if (!clientIdPattern.test(id)) return undefined
    const { rows } = await this.#db.query<ClientRow>({
      name: 'client-find',
      text: `select ${columns} from clients c where c.id = $1`,
      values: [id],
    })
    return rows[0] && clientOf(rows[0])
  }

  async list(): Promise<Client[]> {
    const { rows } = await this.#db.query<ClientRow>(`select ${columns} from clients c order by c.created_at, c.id`)
    return rows.map(clientOf)
  }

  insert(client: NewClient): Promise<Client> {
    return this.#db.transaction(async (tx) => {
      const { rowCount } = await tx.query(
        `insert into clients (id, name, preset, first_party, secret_digest, metadata)
         select $1, $2, $3, $4, $5, $6
          where not exists (select from accounts where id = $1)  -- an app's tokens must not have a person's sub (RFC 9700 §4.15)
         on conflict (id) do nothing`,
        [client.id, client.name, client.preset, client.firstParty, digestOf(client), metadataOf(client)],
      )
      if (rowCount === 0)
        throw new Failure('client_exists', 'conflict', `The id "${client.id}" is taken. Choose another id.`)
      await linkApis(tx, client.id, client.apis)
      return getClient(tx, client.id)
    })
  }

  update(id: ClientId, changes: Partial<Omit<NewClient, 'id'>>): Promise<Client> {
    return this.#db.transaction(async (tx) => {
      // The row lock lasts from the read to the write, so that no parallel change is lost.
      const before = await getClient(tx, id, 'for update')
      const after: NewClient = { ...before, ...changes, id }
      await tx.query(
        `update clients
            set name = $2, preset = $3, first_party = $4, secret_digest = $5, metadata = $6, updated_at = now(),
                previous_secret_digest = case when secret_digest is not distinct from $5 then previous_secret_digest end,
                previous_secret_until = case when secret_digest is not distinct from $5 then previous_secret_until end
          where id = $1`,
        [id, after.name, after.preset, after.firstParty, digestOf(after), metadataOf(after)],
      )
      if (changes.apis) {
        await tx.query('delete from client_apis where client_id = $1', [id])
        await linkApis(tx, id, after.apis)
      }
      return getClient(tx, id)
    })
  }

  async rotateSecret(id: ClientId, digest: Uint8Array, overlapSeconds: number): Promise<Client> {
    if (!clientIdPattern.test(id)) throw missing(id)
    return this.#db.transaction(async (tx) => {
      await tx.query(
        `update clients
            set previous_secret_digest = case when $3 > 0 then secret_digest end,
                previous_secret_until = case when $3 > 0 and secret_digest is not null then now() + make_interval(secs => $3) end,
                secret_digest = $2, secret_rotated_at = now(), updated_at = now()
          where id = $1`,
        [id, Buffer.from(digest), overlapSeconds],
      )
      return getClient(tx, id)
    })
  }

  async remove(id: ClientId, by: { actor?: string } = {}): Promise<{ grants: number; refreshTokens: number }> {
    if (!clientIdPattern.test(id)) throw missing(id)
    return this.#db.transaction(async (tx) => {
      const { rowCount } = await tx.query('select from clients where id = $1 for update', [id])
      if (rowCount === 0) throw missing(id)
      // This comes before the delete, because the client's row holds its back-channel logout URI.
      const { grants, refreshTokens } = await endClient(tx, id, 'client.removed', by.actor)
      await tx.query('delete from clients where id = $1', [id])
      return { grants, refreshTokens }
    })
  }
}

const digestOf = (client: NewClient): Buffer | null => (client.secretDigest ? Buffer.from(client.secretDigest) : null)

const missing = (id: ClientId): Failure => new Failure('client_missing', 'missing', `There is no client ${quoted(id)}.`)

async function getClient(db: Queryable, id: ClientId, lock = ''): Promise<Client> {
  if (!clientIdPattern.test(id)) throw missing(id)
  const { rows } = await db.query<ClientRow>(`select ${columns} from clients c where c.id = $1 ${lock}`, [id])
  if (!rows[0]) throw missing(id)
  return clientOf(rows[0])
}

/** Links the APIs in the given order; position 0 is the default audience. @throws Failure `api_missing` */
async function linkApis(db: Queryable, id: ClientId, apis: readonly string[]): Promise<void> {
  if (apis.length === 0) return
  // The share lock keeps an API from being removed before the commit.
  const { rows } = await db.query<{ audience: string }>(
    'select audience from apis where audience = any($1) for key share',
    [[...apis]],
  )
  const known = new Set(rows.map((row) => row.audience))
  const unknown = apis.filter((audience) => !known.has(audience))
  if (unknown.length > 0) {
    throw new Failure(
      'api_missing',
      'missing',
      `There is no API ${unknown.map((each) => `"${each}"`).join(', ')}; add it first.`,
      { detail: { unknown } },
    )
  }
  await db.query(
    `insert into client_apis (client_id, audience, position)
     select $1, audience, position - 1 from unnest($2::text[]) with ordinality as given (audience, position)`,
    [id, [...apis]],
  )
}
