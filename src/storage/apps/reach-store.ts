/** The clients, APIs and sessions that the revocation of a key would affect, on Postgres. */
import type { ClientId } from '../../clients/client.ts'
import type { Reach, ReachedClient, ReachStore, Signing } from '../../keyring/cycle/blast-radius.ts'
import type { Database } from '../connection/database.ts'
import { artifactModels } from '../protocol/artifact-models.ts'
import { endClient } from '../protocol/ending.ts'

interface ActiveTokens {
  livingTokens: Record<string, number> | null
}

const { Session, Grant, RefreshToken } = artifactModels

const alive = 'expires_at > now() and consumed_at is null'

/** A service gets no ID token, because no person signs in to it. */
const reached = `
  select c.id as "clientId", c.preset,
         c.preset <> 'service' and coalesce(c.metadata->>'idTokenAlg', 'ES256') = $1 as "idTokens",
         array(select a.audience from client_apis ca join apis a using (audience)
                where ca.client_id = c.id and a.alg = $1 order by ca.position) as apis
    from clients c`

/** Every response with a refresh token also had an access token, and used refresh tokens are kept until they expire. */
const living = `
  select case when r.preset <> 'service' then (
           select coalesce(jsonb_object_agg(found.audience, found.count), '{}') from (
             select a.audience, count(*)::int as count
               from revocation_feeds f
               cross join artifacts t
               join artifacts g using (grant_id)
               join apis a on a.audience = case jsonb_typeof(t.payload->'resource')
                                             when 'string' then t.payload->>'resource' else r.apis[1] end
              where g.client_id = r."clientId" and g.model = ${Grant} and t.model = ${RefreshToken} and a.alg = $1
                and t.created_at > now() - make_interval(secs => case
                      when a.ttl_changed_at > now() - make_interval(secs => f.longest_token_seconds) then f.longest_token_seconds
                      else coalesce(a.ttl_seconds, $4::int) end)
                and t.created_at >= $2::timestamptz and t.created_at < coalesce($3::timestamptz, 'infinity')
              group by a.audience) as found) end`

export class PostgresReachStore implements ReachStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async reachOf(alg: string, { since, until, tokenSeconds }: Signing): Promise<Reach> {
    const { rows: clients } = await this.#db.query<Omit<ReachedClient, 'livingTokens'> & ActiveTokens>(
      `with reached as (${reached})
       select r."clientId", r."idTokens", r.apis, (${living}) as "livingTokens",
              (select count(*)::int from artifacts where client_id = r."clientId" and model = ${Grant} and ${alive}) as grants,
              (select count(*)::int from artifacts t join artifacts g using (grant_id)
                where g.client_id = r."clientId" and g.model = ${Grant} and t.model = ${RefreshToken}
                  and t.expires_at > now() and t.consumed_at is null) as "refreshTokens"
         from reached r where r."idTokens" or cardinality(r.apis) > 0 order by r."clientId"`,
      [alg, since ?? new Date(), until ?? null, tokenSeconds],
    )
    const { rows } = await this.#db.query<{ apis: string[]; longest: number | null; sessions: number }>(
      `select coalesce(array_agg(audience order by audience), '{}') as apis, 
              -- This never decreases, so it also bounds tokens from before a change or removal of an API.
              (select longest_token_seconds from revocation_feeds) as longest,
              (select count(*)::int from artifacts
                where model = ${Session} and ${alive} and payload->'authorizations' ?| $2::text[]) as sessions
         from apis where alg = $1`,
      [alg, clients.map(({ clientId }) => clientId)],
    )
    const [found] = rows
    return {
      clients: clients.map((client) => ({ ...client, livingTokens: client.livingTokens ?? undefined })),
      apis: found?.apis ?? [],
      sessions: found?.sessions ?? 0,
      longestApiTokenSeconds: found?.longest ?? undefined,
    }
  }

  /** Ends every grant and token of these apps, so that their users must sign in again. @returns the number of ended grants */
  endClients(clientIds: readonly ClientId[]): Promise<number> {
    return this.#db.transaction(async (db) => {
      let grants = 0
      for (const clientId of clientIds) grants += (await endClient(db, clientId, 'key.revoked')).grants
      return grants
    })
  }
}
