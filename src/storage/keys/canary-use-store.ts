/** Counts of the canary's token requests by signing key, on Postgres. */
import type { CanaryUse, CanaryUseStore } from '../../keyring/readiness/canary.ts'
import type { Database } from '../connection/database.ts'

export class PostgresCanaryUseStore implements CanaryUseStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async add(uses: readonly CanaryUse[]): Promise<void> {
    // All nodes use the same order, so that parallel inserts cannot deadlock.
    await this.#db.query(
      `insert into canary_uses (kid, client_id, token_requests, refreshes, early_refreshes)
       select u.kid, u.client_id, u.requests, u.refreshes, u.early
         from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[], $5::bigint[])
                as u (kid, client_id, requests, refreshes, early)
         join signing_keys k using (kid) join clients c on c.id = u.client_id
        where k.state in ('pending', 'active', 'retired')
        order by u.kid, u.client_id
       on conflict (kid, client_id)
       do update set token_requests = canary_uses.token_requests + excluded.token_requests,
                     refreshes = canary_uses.refreshes + excluded.refreshes,
                     early_refreshes = canary_uses.early_refreshes + excluded.early_refreshes,
                     last_at = now()`,
      [
        uses.map(({ kid }) => kid),
        uses.map(({ clientId }) => clientId),
        uses.map(({ tokenRequests }) => tokenRequests),
        uses.map(({ refreshes }) => refreshes),
        uses.map(({ earlyRefreshes }) => earlyRefreshes),
      ],
    )
  }

  async read(): Promise<CanaryUse[]> {
    const { rows } = await this.#db.query<CanaryUse>(
      `select kid, client_id as "clientId", token_requests::float8 as "tokenRequests",
              refreshes::float8 as refreshes, early_refreshes::float8 as "earlyRefreshes"
         from canary_uses order by kid, client_id`,
    )
    return rows
  }
}
