/** The statements that read the engine's state. Each returns one row with everything that the request needs next. */
import { artifactModels } from './artifact-models.ts'

/** `$1` model, `$2` digest, `$3` grace in seconds. Expired rows are never returned. */
const useColumn = `case when a.consumed_at is null then 'unused'
            when $3 > 0 and a.consumed_at > now() - make_interval(secs => $3) then 'just-used'
            else 'used' end as use`

export const plain = `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, ${useColumn}
    from artifacts a
   where a.model = $1 and a.id = $2 and a.expires_at > now()`

/** The grant by its id. Postgres keeps a plan for long; `limit 1` prevents a plan that starts by scanning all grants or sessions. */
const grantOf = (id: string) => `(
         select grant_id, payload from artifacts
          where model = ${artifactModels.Grant} and id = sha256(convert_to(${id}, 'UTF8')) and expires_at > now() limit 1)`

/** For use with a uid. The cast keeps Postgres from scanning all sessions in the primary key, whose first column is the model. */
const isSession = (table: string) => `${table}.model::int = ${artifactModels.Session}`

/** A code or token with its grant, its session and its account. */
export const withCompanions = `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, ${useColumn},
         g.payload as grant_payload, s.payload as session_payload, to_jsonb(acc) as account
    from artifacts a
    left join lateral ${grantOf('a.grant_id')} as g on true
    left join lateral (
         select payload from artifacts
          where ${isSession('artifacts')} and uid = a.payload->>'sessionUid' and expires_at > now() limit 1) as s on true
    left join accounts acc on acc.id = a.payload->>'accountId'
   where a.model = $1 and a.id = $2 and a.expires_at > now()`

/** A session with its account and the grants of all its clients. */
const sessionWith = (condition: string) => `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, 'unused' as use, to_jsonb(acc) as account,
         (select jsonb_object_agg(g.grant_id, g.payload)
            from jsonb_each(a.payload->'authorizations') as client(id, value)
            cross join lateral ${grantOf("client.value->>'grantId'")} as g) as grants
    from artifacts a
    left join accounts acc on acc.id = a.account_id
   where ${condition} and a.expires_at > now()`

export const sessionById = sessionWith(`a.model = ${artifactModels.Session} and a.id = $1`)
export const sessionByUid = sessionWith(`${isSession('a')} and a.uid = $1`)

export const byUserCode = `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, case when a.consumed_at is null then 'unused' else 'used' end as use
    from artifacts a
   where a.user_code = $1 and a.expires_at > now()`
