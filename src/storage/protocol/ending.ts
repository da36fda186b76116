/**
 * Ends sessions, grants and tokens of people and apps. Each function runs one
 * statement inside the caller's transaction. Deleting a grant also ends its
 * tokens. The engine refuses a token without a grant, even one that a racing
 * request inserts later. The same statement adds the entry that revokes issued
 * access tokens to the log of revocations. A trigger queues the logout requests
 * for apps of an ended session (`000004-logout-deliveries.sql`).
 */
import type { AccountId } from '../../accounts/account.ts'
import type { Ended } from '../../accounts/account-store.ts'
import type { ClientId } from '../../clients/client.ts'
import { type Kind, kinds } from '../../revocation/revocation.ts'
import type { Queryable } from '../connection/database.ts'
import { artifactModels } from './artifact-models.ts'

const { Session, Grant, RefreshToken } = artifactModels

/** Counts the deleted rows that were still active. */
const counts = `
  select count(*) filter (where model = ${Session})::int as sessions,
         count(*) filter (where model = ${Grant})::int as grants,
         count(*) filter (where model = ${RefreshToken})::int as "refreshTokens"
    from ended where alive`

const activeColumns =
  'a.model, a.grant_id, a.account_id, a.client_id, a.expires_at > now() and a.consumed_at is null as alive'

/** Read the cut-off after the delete: earlier requests have issued their token, later ones find no grant. */
const cutOff = (kind: Kind) =>
  `cut as (select next_cut_off(${kind}::smallint, $1) as at from (select count(*) from ended) as deleted)`

/** The grants of a session, one row each. */
const grantsOf = (session: string) =>
  `select client.value->>'grantId' as id from ${session} s, jsonb_each(s.payload->'authorizations') as client(id, value)
    where client.value ? 'grantId'`

/** SQL source `sids`: the ids by which access tokens name a session, its uid and the `sid` of each client. */
export const sidsOf = (payload: string, uid: string) => `lateral (
    select ${uid}::text as sid
    union
    select client.value->>'sid' from jsonb_each(${payload}->'authorizations') as client where client.value ? 'sid'
  ) as sids`

/** Rows of one holder, and every row of a grant among them. `model-store.ts` lists the models with a holder column. */
const heldBy = (holder: string) => `
  select model, id from artifacts where ${holder}
  union
  select t.model, t.id from artifacts g join artifacts t on t.grant_id = g.grant_id
   where g.model = ${Grant} and g.${holder}`

/** After its grant ends, an app must end its own session: it gets a logout request as if the session had ended. */
const oweLogouts = `owed as (
    insert into logout_deliveries (client_id, account_id, sid, session_uid, uri, alg, names_session)
    select owed.* from ended e
      join artifacts s on s.model = ${Session} and s.account_id = e.account_id and s.expires_at > now(),
           lateral logouts_owed(s.account_id, s.uid, s.payload, e.grant_id) owed
     where e.model = ${Grant} and e.alive
  )`

export interface EndAccountOptions {
  /** This session stays active, with its grants and refresh tokens; its apps fetch new access tokens. */
  exceptSessionUid?: string | undefined
  /** Reason and actor, for the log of revocations. */
  cause?: string
  actor?: string | undefined
  /** The account is removed and never gets another token. */
  isGone?: boolean
  /** The account had no password before. If the account is also new, no token exists that could be revoked. */
  isFirstPassword?: boolean
}

/** Ends an account's sessions, grants, codes and tokens in every browser and app. A sign-in in progress must start again. */
export async function endAccount(db: Queryable, accountId: AccountId, options: EndAccountOptions = {}): Promise<Ended> {
  return ended(
    await db.query<Ended>(
      `with kept as (
         select payload from artifacts where model = ${Session} and account_id = $1 and uid = $2
       ), kept_grants as (
         ${grantsOf('kept')}
       ), doomed as (
         ${heldBy('account_id = $1')}
       ), ended as (
         delete from artifacts a using doomed d
          where a.model = d.model and a.id = d.id
            and case a.model
                  when ${Session} then a.uid is distinct from $2
                  when ${Grant} then not exists (select 1 from kept_grants k where k.id = a.grant_id)
                  else a.payload->>'sessionUid' is distinct from $2
                    or not exists (select 1 from kept_grants k where k.id = a.grant_id)
                end
         returning ${activeColumns}
       ), ${cutOff(kinds.sub)}, void as (
         insert into revocations (kind, value, not_before, cause, actor)
         select ${kinds.sub}, $1, case when not $4 then cut.at end, $3, $6 from cut
          where not $5 or exists (select from ended)
             or not exists (select from accounts where id = $1 and created_at > now() - interval '1 minute')
         returning not_before
       ), stamped as (
         update accounts set revoked_before = void.not_before from void where id = $1
       ) ${counts}`,
      [
        accountId,
        options.exceptSessionUid ?? null,
        options.cause ?? 'account.signed-out',
        options.isGone ?? false,
        options.isFirstPassword ?? false,
        options.actor ?? null,
      ],
    ),
  )
}

export interface EndSessionOptions {
  /**
   * `keep`: an app with `offline_access` keeps its refresh token, as after the person's own sign-out.
   * `end`: every token from this session ends, as after an administrator's command.
   */
  offlineAccess: 'keep' | 'end'
  /** The actor, for the log of revocations. */
  actor?: string | undefined
}

/** Ends one browser's session and everything issued through it. A grant that another session of the person uses stays. */
export async function endSession(db: Queryable, uid: string, options: EndSessionOptions): Promise<Ended> {
  return ended(
    await db.query<Ended>(
      `with session as (
         select account_id, payload from artifacts where model = ${Session} and uid = $1
       ), grants as (
         ${grantsOf('session')}
       ), elsewhere as (
         select o.payload from artifacts o join session using (account_id)
          where o.model = ${Session} and o.uid <> $1 and o.expires_at > now()
       ), lasting as (
         ${grantsOf('elsewhere')}
         union
         select t.grant_id from artifacts t
          where $2 and t.model = ${RefreshToken} and t.grant_id in (select id from grants) and t.expires_at > now()
            and 'offline_access' = any(string_to_array(t.payload->>'scope', ' '))
       ), ended as (
         delete from artifacts a
          where a.model = ${Session} and a.uid = $1
             or a.grant_id in (select id from grants)
            and case a.model
                  when ${Grant} then a.grant_id not in (select id from lasting)
                  when ${RefreshToken} then coalesce(a.payload->>'sessionUid', $1) = $1
                    and not ($2 and 'offline_access' = any(string_to_array(coalesce(a.payload->>'scope', ''), ' ')))
                  else coalesce(a.payload->>'sessionUid', $1) = $1
                end
         returning ${activeColumns}
       ), void as (
         insert into revocations (kind, value, account_id, cause, actor)
         select ${kinds.sid}, sids.sid, session.account_id, 'session.ended', $3 from session, ${sidsOf('session.payload', '$1')}
         union all
         select ${kinds.grant}, grant_claim(grant_id), account_id, 'session.ended', $3 from ended where model = ${Grant}
       ) ${counts}`,
      [uid, options.offlineAccess === 'keep', options.actor ?? null],
    ),
  )
}

/** Ends one grant, with its codes and tokens. */
export async function endGrant(db: Queryable, grantId: string): Promise<Ended> {
  return ended(
    await db.query<Ended>(
      `with ended as (
         delete from artifacts a where a.grant_id = $1 returning ${activeColumns}
       ), ${oweLogouts}, void as (
         insert into revocations (kind, value, account_id, client_id, cause)
         select ${kinds.grant}, grant_claim($1), g.account_id, g.client_id, 'grant.revoked'
           from (values (true)) as one left join ended g on g.model = ${Grant}
       ) ${counts}`,
      [grantId],
    ),
  )
}

/** Ends every grant that one person gave to one app, with its codes and tokens. */
export async function endGrantsOf(
  db: Queryable,
  accountId: AccountId,
  clientId: ClientId,
  cause: string,
): Promise<Ended> {
  return ended(
    await db.query<Ended>(
      `with doomed as (
         select t.model, t.id from artifacts g join artifacts t on t.grant_id = g.grant_id
          where g.model = ${Grant} and g.account_id = $1 and g.client_id = $2
       ), ended as (
         delete from artifacts a using doomed d where a.model = d.model and a.id = d.id
         returning ${activeColumns}
       ), ${oweLogouts}, void as (
         insert into revocations (kind, value, account_id, client_id, cause)
         select ${kinds.grant}, grant_claim(grant_id), account_id, client_id, $3 from ended where model = ${Grant}
       ) ${counts}`,
      [accountId, clientId, cause],
    ),
  )
}

/** Ends every grant and token of an app. Sign-ins in progress keep their interaction, so that their pages can explain it. */
export async function endClient(
  db: Queryable,
  clientId: ClientId,
  cause = 'client.removed',
  actor?: string,
): Promise<Ended> {
  return ended(
    await db.query<Ended>(
      `with doomed as (
         ${heldBy('client_id = $1')}
       ), ended as (
         delete from artifacts a using doomed d where a.model = d.model and a.id = d.id
         returning ${activeColumns}
       ), ${oweLogouts}, ${cutOff(kinds.client)}, void as (
         insert into revocations (kind, value, not_before, cause, actor) select ${kinds.client}, $1, cut.at, $2, $3 from cut
       ) ${counts}`,
      [clientId, cause, actor ?? null],
    ),
  )
}

function ended({ rows: [row] }: { rows: Ended[] }): Ended {
  return row ?? { sessions: 0, grants: 0, refreshTokens: 0 }
}
