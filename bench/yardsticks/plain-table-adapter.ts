/**
 * Yardstick B's store: the adapter that everybody writes first. One table, one
 * prepared statement a call; ids in clear, no compare-and-set, nothing fused.
 */

import type { Adapter, AdapterPayload } from 'oidc-provider'
import type pg from 'pg'

const schema = `
  create table if not exists oidc_models (
    model       text not null,
    id          text not null,
    payload     jsonb not null,
    grant_id    text,
    user_code   text,
    uid         text,
    expires_at  timestamptz,
    consumed_at timestamptz,
    primary key (model, id)
  );
  create index if not exists oidc_models_by_grant on oidc_models (grant_id);
  create index if not exists oidc_models_by_uid on oidc_models (uid);`

interface Row {
  payload: AdapterPayload
  consumed_at: Date | null
}

const readPayload = (row: Row | undefined): AdapterPayload | undefined =>
  row?.consumed_at ? { ...row.payload, consumed: Math.floor(row.consumed_at.getTime() / 1000) } : row?.payload

/** Makes the table once, before the first request. */
export async function createPlainTable(pool: pg.Pool): Promise<void> {
  await pool.query(schema)
}

/** One prepared statement for each thing the core asks. */
export class PlainTableAdapter implements Adapter {
  readonly #pool: pg.Pool
  readonly #model: string

  constructor(pool: pg.Pool, model: string) {
    this.#pool = pool
    this.#model = model
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn?: number): Promise<void> {
    await this.#pool.query({
      name: 'upsert',
      text: `insert into oidc_models (model, id, payload, grant_id, user_code, uid, expires_at)
             values ($1, $2, $3, $4, $5, $6, $7)
             on conflict (model, id) do update set payload = excluded.payload, expires_at = excluded.expires_at`,
      values: [
        this.#model,
        id,
        JSON.stringify(payload),
        payload.grantId ?? null,
        payload.userCode ?? null,
        payload.uid ?? null,
        expiresIn ? new Date(Date.now() + expiresIn * 1000) : null,
      ],
    })
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.#pool.query<Row>({
      name: 'find',
      text: 'select payload, consumed_at from oidc_models where model = $1 and id = $2',
      values: [this.#model, id],
    })
    return readPayload(rows[0])
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.#pool.query<Row>({
      name: 'find-by-uid',
      text: 'select payload, consumed_at from oidc_models where model = $1 and uid = $2',
      values: [this.#model, uid],
    })
    return readPayload(rows[0])
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const { rows } = await this.#pool.query<Row>({
      name: 'find-by-user-code',
      text: 'select payload, consumed_at from oidc_models where model = $1 and user_code = $2',
      values: [this.#model, userCode],
    })
    return readPayload(rows[0])
  }

  async consume(id: string): Promise<void> {
    await this.#pool.query({
      name: 'consume',
      text: 'update oidc_models set consumed_at = now() where model = $1 and id = $2',
      values: [this.#model, id],
    })
  }

  async destroy(id: string): Promise<void> {
    await this.#pool.query({
      name: 'destroy',
      text: 'delete from oidc_models where model = $1 and id = $2',
      values: [this.#model, id],
    })
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    await this.#pool.query({
      name: 'revoke',
      text: 'delete from oidc_models where model = $1 and grant_id = $2',
      values: [this.#model, grantId],
    })
  }
}
