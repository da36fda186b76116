/** The statements that write the engine's state. Requests that spend the same value race; the statement decides which one wins. */
import { kinds } from '../../revocation/revocation.ts'
import { recordToken } from '../revocation/token-ledger.ts'
import { artifactModels } from './artifact-models.ts'
import { sidsOf } from './ending.ts'

/**
 * Spends, deletes and stores in one statement. If two requests race to spend one
 * row, the second waits for the first. Then its condition is false, so the second
 * spends nothing and writes nothing. Spending never changes the expiry, so a
 * replay is recognised until the value expires. Without a grace the statement
 * compares no times: the loser may have begun before the winner, and the winner's
 * time is later than the loser's `now()`. A grant or session that ends here gets
 * an entry in the log of revocations, which revokes its access tokens. If the
 * statement finds a value spent, it ends everything issued from that value
 * (RFC 6749 §4.1.2, `end_replayed` in `000080-end-replayed.sql`).
 */
const commitWith = (recorded: string) => `
  with spent as (
    update artifacts a set consumed_at = coalesce(a.consumed_at, now())
      from unnest($1::smallint[], $2::bytea[], $3::int[]) as c(model, id, grace)
     where a.model = c.model and a.id = c.id and a.expires_at > now()
       and (a.consumed_at is null or (c.grace > 0 and a.consumed_at > now() - make_interval(secs => c.grace)))
    returning 1
  ), verdict as (
    select count(*) = cardinality($1::smallint[]) as won from spent
  ), destroyed as (
    delete from artifacts a using unnest($4::smallint[], $5::bytea[]) as d(model, id), verdict
     where verdict.won and a.model = d.model and a.id = d.id
    returning a.model, a.uid, a.grant_id, a.account_id, a.payload
  ), revoked as (
    delete from artifacts a using verdict
     where verdict.won and a.grant_id = any($6::text[]) and a.model <> ${artifactModels.Grant}
  ), void as (
    insert into revocations (kind, value, account_id, client_id, cause)
    select ${kinds.grant}, grant_claim(g.id), a.account_id, a.client_id, 'grant.revoked'
      from verdict, (select unnest($6::text[]) union select grant_id from destroyed where model = ${artifactModels.Grant}) as g(id)
      left join artifacts a on a.model = ${artifactModels.Grant} and a.grant_id = g.id
     where verdict.won
    union all
    select ${kinds.sid}, sids.sid, destroyed.account_id, null, 'session.signed-out'
      from destroyed, ${sidsOf('destroyed.payload', 'destroyed.uid')}
     where destroyed.model = ${artifactModels.Session} and destroyed.uid is not null
    returning 1
  ), writes as (
    select * from unnest($7::smallint[], $8::bytea[], $9::jsonb[], $10::text[], $11::text[], $12::text[], $13::text[],
                         $14::bytea[], $15::float8[], $16::bytea[])
        as w(model, id, payload, grant_id, account_id, client_id, uid, user_code, expires_at, replaces)
  ), moved as (
    update artifacts a set id = w.id, payload = w.payload, account_id = w.account_id, expires_at = to_timestamp(w.expires_at)
      from writes w, verdict
     where verdict.won and a.model = w.model and a.id = w.replaces
  ), kept as (
    insert into artifacts as a (model, id, payload, grant_id, account_id, client_id, uid, user_code, expires_at)
    select w.model, w.id, w.payload, w.grant_id, w.account_id, w.client_id, w.uid, w.user_code, to_timestamp(w.expires_at)
      from writes w, verdict
     where verdict.won and w.replaces is null
        on conflict (model, id) do update
       set payload = excluded.payload, grant_id = excluded.grant_id, account_id = excluded.account_id,
           client_id = excluded.client_id, uid = excluded.uid,
           user_code = coalesce(excluded.user_code, a.user_code), expires_at = excluded.expires_at
  )${recorded}
  select won, (select count(*) from void)::int as voided,
         case when not won then
           (select jsonb_agg(r.event) filter (where r.event is not null)
              from unnest($1::smallint[], $2::bytea[], $3::int[]) as c(model, id, grace),
                   end_replayed(c.model, c.id, c.grace, $17, $18) as r(event))
         end as replays
    from verdict`

export const commitStatement = commitWith('')
/** The same statement, which also records the issued access token. */
export const commitAndRecord = commitWith(`, recorded as (${recordToken('verdict where verdict.won', 19)})`)

/** Ends everything issued from a value that a look-up found spent; a second call has no effect. */
export const endReplayed = 'select end_replayed($1, $2, $3, $4, $5) as replay'

/**
 * The two common cases as statements of their own: the arrays of the general
 * statement cost Postgres several times as much.
 */
export const keepOne = `
  insert into artifacts as a (model, id, payload, grant_id, account_id, client_id, uid, user_code, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9))
      on conflict (model, id) do update
     set payload = excluded.payload, grant_id = excluded.grant_id, account_id = excluded.account_id,
         client_id = excluded.client_id, uid = excluded.uid,
         user_code = coalesce(excluded.user_code, a.user_code), expires_at = excluded.expires_at`

const spentOne = `
  with spent as (
    update artifacts a set consumed_at = coalesce(a.consumed_at, now())
     where a.model = $10 and a.id = $11 and a.expires_at > now()
       and (a.consumed_at is null or ($12 > 0 and a.consumed_at > now() - make_interval(secs => $12)))
    returning 1
  )`

const keepIfSpent = `, kept as (
    insert into artifacts (model, id, payload, grant_id, account_id, client_id, uid, user_code, expires_at)
    select $1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9) from spent
    returning 1
  )`

/** Returns one row if the request lost, with the event if it was a replay. The function runs only in that case. */
const unlessKept = 'select end_replayed($10, $11, $12, $13, $14) as replay where not exists (select from kept)'

export const spendOneKeepOne = `${spentOne}${keepIfSpent} ${unlessKept}`

/** The same statements with the ledger on. */
export const recordOne = recordToken('(values (true)) as one', 1)
export const keepOneAndRecord = `with kept as (${keepOne} returning 1) ${recordToken('kept', 10)}`
export const spendOneKeepOneAndRecord = `${spentOne}${keepIfSpent}, recorded as (${recordToken('kept', 15)}) ${unlessKept}`
