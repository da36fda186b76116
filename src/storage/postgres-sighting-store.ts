/** Who has fetched which keys, on Postgres. */
import type { Sighting, SightingStore } from '../keyring/jwks-sightings.ts'
import type { Database } from './database.ts'

export class PostgresSightingStore implements SightingStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async add(sightings: readonly Omit<Sighting, 'lastAt'>[]): Promise<void> {
    // Only names of clients and APIs count as names: strangers fill no table. One row a conflict, in one order
    // everywhere: nodes that add at once neither collide nor block each other for ever.
    await this.#db.query(
      `with given as (
         select g.kid, g.fetches,
                case when exists (select from clients where id = g.verifier)
                       or exists (select from apis where audience = g.verifier)
                     then g.verifier else '' end as verifier
           from unnest($1::text[], $2::text[], $3::bigint[]) as g (kid, verifier, fetches)
       )
       insert into jwks_sightings (kid, verifier, fetches)
       select given.kid, given.verifier, sum(given.fetches)
         from given join signing_keys using (kid)
        where state in ('pending', 'active', 'retired')
        group by given.kid, given.verifier
        order by given.kid, given.verifier
       on conflict (kid, verifier)
       do update set fetches = jwks_sightings.fetches + excluded.fetches, last_at = now()`,
      [
        sightings.map(({ kid }) => kid),
        sightings.map(({ verifier }) => verifier),
        sightings.map(({ fetches }) => fetches),
      ],
    )
  }

  async read(): Promise<Sighting[]> {
    const { rows } = await this.#db.query<Sighting>(
      `select kid, verifier, fetches::float8 as fetches, last_at as "lastAt" from jwks_sightings order by kid, verifier`,
    )
    return rows
  }
}
