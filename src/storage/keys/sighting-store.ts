/** Counts of key set fetches by key and verifier, on Postgres. */
import type { Sighting, SightingCount, SightingStore } from '../../keyring/readiness/jwks-sightings.ts'
import type { Database } from '../connection/database.ts'

export class PostgresSightingStore implements SightingStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async add(sightings: readonly SightingCount[]): Promise<{ kid: string; verifier: string }[]> {
    // Only names of clients and APIs are stored, so that unknown names cannot fill the table. Rows are grouped by their
    // unique key, and all nodes use the same order, so that parallel inserts neither conflict nor deadlock.
    const { rows } = await this.#db.query<{ kid: string; verifier: string }>(
      `with given as (
         select g.kid, g.fetches, g.misses,
                case when exists (select from clients where id = g.verifier)
                       or exists (select from apis where audience = g.verifier)
                     then g.verifier else '' end as verifier
           from unnest($1::text[], $2::text[], $3::bigint[], $4::bigint[]) as g (kid, verifier, fetches, misses)
       ), added as (
         insert into jwks_sightings (kid, verifier, fetches, misses, missed_at)
         select given.kid, given.verifier, sum(given.fetches), sum(given.misses),
                case when sum(given.misses) > 0 then now() end
           from given join signing_keys using (kid)
          where state in ('pending', 'active', 'retired')
          group by given.kid, given.verifier
          order by given.kid, given.verifier
         on conflict (kid, verifier)
         do update set fetches = jwks_sightings.fetches + excluded.fetches, last_at = now(),
                       misses = jwks_sightings.misses + excluded.misses,
                       missed_at = coalesce(excluded.missed_at, jwks_sightings.missed_at)
         returning kid, verifier, misses
       )
       -- If all stored misses come from this statement, they are the verifier's first for this key.
       select kid, verifier from added join (select kid, verifier, sum(misses) as misses from given group by 1, 2) as new
        using (kid, verifier) where verifier <> '' and new.misses > 0 and added.misses = new.misses`,
      [
        sightings.map(({ kid }) => kid),
        sightings.map(({ verifier }) => verifier),
        sightings.map(({ fetches }) => fetches),
        sightings.map(({ misses = 0 }) => misses),
      ],
    )
    return rows
  }

  async read(): Promise<Sighting[]> {
    const { rows } = await this.#db.query<Sighting>(
      `select kid, verifier, fetches::float8 as fetches, last_at as "lastAt",
              misses::float8 as misses, missed_at as "missedAt"
         from jwks_sightings order by kid, verifier`,
    )
    return rows
  }
}
