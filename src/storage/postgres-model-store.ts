/** The engine's state on Postgres: one statement to read, one to write. */
import { hash } from 'node:crypto'
import type { Account } from '../accounts/account.ts'
import type { Changes, Found, ModelName, ModelStore, Payload, Upsert, Use } from '../oidc/model-store.ts'
import { kinds } from '../revocation/revocation.ts'
import { type AccountRow, accountFromRow } from './account-row.ts'
import { artifactModels } from './artifact-models.ts'
import type { Database } from './database.ts'
import { sidsOf } from './ending.ts'

/** What the holder presents is known here by its digest alone. */
const digest = (value: string): Buffer => hash('sha256', value, 'buffer')

interface ArtifactRow {
  payload: Payload
  use: Use
  expires_at: number
  grant_payload?: Payload | null
  session_payload?: Payload | null
  grants?: Record<string, Payload> | null
  account?: AccountRow | null
}

/** `$1` model, `$2` digest, `$3` grace in seconds. Expired rows do not exist. */
const useColumn = `case when a.consumed_at is null then 'unused'
            when $3 > 0 and a.consumed_at > now() - make_interval(secs => $3) then 'just-used'
            else 'used' end as use`

const plain = `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, ${useColumn}
    from artifacts a
   where a.model = $1 and a.id = $2 and a.expires_at > now()`

/** A code or token with its grant, its session and its account. */
const withCompanions = `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, ${useColumn},
         g.payload as grant_payload, s.payload as session_payload, to_jsonb(acc) as account
    from artifacts a
    left join artifacts g on g.model = ${artifactModels.Grant} and g.expires_at > now()
         and g.id = sha256(convert_to(a.grant_id, 'UTF8'))
    left join artifacts s on s.model = ${artifactModels.Session} and s.expires_at > now()
         and s.uid = a.payload->>'sessionUid'
    left join accounts acc on acc.id = a.payload->>'accountId'
   where a.model = $1 and a.id = $2 and a.expires_at > now()`

/** A session with its account and the grants of all its clients. */
const sessionWith = (condition: string) => `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, 'unused' as use, to_jsonb(acc) as account,
         (select jsonb_object_agg(g.grant_id, g.payload)
            from jsonb_each(a.payload->'authorizations') as client(id, value)
            join artifacts g on g.model = ${artifactModels.Grant} and g.expires_at > now()
                 and g.id = sha256(convert_to(client.value->>'grantId', 'UTF8'))) as grants
    from artifacts a
    left join accounts acc on acc.id = a.account_id
   where a.model = ${artifactModels.Session} and ${condition} and a.expires_at > now()`

const sessionById = sessionWith('a.id = $1')
const sessionByUid = sessionWith('a.uid = $1')

const byUserCode = `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, case when a.consumed_at is null then 'unused' else 'used' end as use
    from artifacts a
   where a.user_code = $1 and a.expires_at > now()`

/**
 * Spends, removes and keeps in one statement. Of two racing requests that spend
 * the same row the second waits for the first and then finds the condition
 * false, so it spends nothing, and then nothing of it lands. The expiry of what
 * is spent never moves, so a replay is recognised until then. Without a grace
 * no clock is asked: the loser of a race may have begun before the winner, and
 * to its `now()` the winner's moment lies ahead. What a grant or a session that
 * ends here has out in access tokens goes into the log of revocations.
 */
const commitStatement = `
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
    returning a.model, a.uid, a.grant_id, a.payload
  ), revoked as (
    delete from artifacts a using verdict
     where verdict.won and a.grant_id = any($6::text[]) and a.model <> ${artifactModels.Grant}
  ), void as (
    insert into revocations (kind, value, cause)
    select ${kinds.grant}, grant_claim(g.id), 'grant.revoked'
      from verdict, (select unnest($6::text[]) union select grant_id from destroyed where model = ${artifactModels.Grant}) as g(id)
     where verdict.won
    union all
    select ${kinds.sid}, sids.sid, 'session.signed-out'
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
  )
  select won from verdict`

/**
 * The two shapes that every token request and every code has, spelled out: the
 * general statement's arrays cost Postgres several times as much.
 */
const keepOne = `
  insert into artifacts as a (model, id, payload, grant_id, account_id, client_id, uid, user_code, expires_at)
  values ($1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9))
      on conflict (model, id) do update
     set payload = excluded.payload, grant_id = excluded.grant_id, account_id = excluded.account_id,
         client_id = excluded.client_id, uid = excluded.uid,
         user_code = coalesce(excluded.user_code, a.user_code), expires_at = excluded.expires_at`

const spendOneKeepOne = `
  with spent as (
    update artifacts a set consumed_at = coalesce(a.consumed_at, now())
     where a.model = $10 and a.id = $11 and a.expires_at > now()
       and (a.consumed_at is null or ($12 > 0 and a.consumed_at > now() - make_interval(secs => $12)))
    returning 1
  )
  insert into artifacts (model, id, payload, grant_id, account_id, client_id, uid, user_code, expires_at)
  select $1, $2, $3, $4, $5, $6, $7, $8, to_timestamp($9) from spent`

const companioned = new Set<ModelName>(['RefreshToken', 'AuthorizationCode', 'AccessToken', 'DeviceCode'])

export class PostgresModelStore implements ModelStore {
  readonly #db: Database
  readonly #revoked: () => void

  /** @param revoked told when something was written into the log of revocations: verifiers learn of it sooner then */
  constructor(db: Database, revoked: () => void = () => {}) {
    this.#db = db
    this.#revoked = revoked
  }

  async find(model: ModelName, id: string, graceSeconds: number): Promise<Found | undefined> {
    const statement =
      model === 'Session'
        ? { name: 'session by id', text: sessionById, values: [digest(id)] }
        : companioned.has(model)
          ? {
              name: 'token with companions',
              text: withCompanions,
              values: [artifactModels[model], digest(id), graceSeconds],
            }
          : { name: 'artifact', text: plain, values: [artifactModels[model], digest(id), graceSeconds] }
    const { rows } = await this.#db.query<ArtifactRow>(statement)
    return rows[0] && foundFrom(rows[0])
  }

  async findSessionByUid(uid: string): Promise<(Found & { id: undefined }) | undefined> {
    const { rows } = await this.#db.query<ArtifactRow>({ name: 'session by uid', text: sessionByUid, values: [uid] })
    return rows[0] && { ...foundFrom(rows[0]), id: undefined }
  }

  async findGrantByClaim(claim: string): Promise<{ id: string; payload: Payload } | undefined> {
    const half = Buffer.from(claim, 'base64url')
    if (half.length !== 16) return undefined
    const { rows } = await this.#db.query<{ id: string; payload: Payload }>({
      name: 'grant by claim',
      text: `select grant_id as id, payload from artifacts
              where model = ${artifactModels.Grant} and id between $1 and $2 and expires_at > now()`,
      values: [Buffer.concat([half, Buffer.alloc(16)]), Buffer.concat([half, Buffer.alloc(16, 255)])],
    })
    return rows[0]
  }

  async findByUserCode(userCode: string): Promise<Found | undefined> {
    const { rows } = await this.#db.query<ArtifactRow>(byUserCode, [digest(userCode)])
    return rows[0] && foundFrom(rows[0])
  }

  commit(changes: Changes): Promise<boolean> {
    const { upserts, consumes, destroys, revokedGrants } = changes
    const [kept] = upserts
    const isSimple =
      upserts.length === 1 && kept?.replaces === undefined && destroys.length + revokedGrants.length === 0
    if (!isSimple || !kept || consumes.length > 1) return this.#commitAll(changes)
    return consumes[0] ? this.#exchange(consumes[0], kept) : this.#keep(kept)
  }

  async #keep(kept: Upsert): Promise<boolean> {
    await this.#db.query({ name: 'keep one', text: keepOne, values: valuesOf(kept) })
    return true
  }

  async #exchange(spent: Changes['consumes'][number], kept: Upsert): Promise<boolean> {
    const { rowCount } = await this.#db.query({
      name: 'spend one, keep one',
      text: spendOneKeepOne,
      values: [...valuesOf(kept), artifactModels[spent.model], digest(spent.id), spent.graceSeconds],
    })
    return rowCount === 1
  }

  async #commitAll({ upserts, consumes, destroys, revokedGrants }: Changes): Promise<boolean> {
    const { rows } = await this.#db.query<{ won: boolean; voided: number }>({
      name: 'commit artifacts',
      text: commitStatement,
      values: [
        consumes.map(({ model }) => artifactModels[model]),
        consumes.map(({ id }) => digest(id)),
        consumes.map(({ graceSeconds }) => graceSeconds),
        destroys.map(({ model }) => artifactModels[model]),
        destroys.map(({ id }) => digest(id)),
        revokedGrants,
        ...columnsOf(upserts),
      ],
    })
    if (rows[0]?.voided) this.#revoked()
    return rows[0]?.won === true
  }

  async remember(id: string, expiresAt: number): Promise<boolean> {
    // An expired memory that housekeeping has not reached yet counts as none.
    const { rowCount } = await this.#db.query({
      name: 'remember',
      text: `insert into artifacts as a (model, id, payload, expires_at)
             values (${artifactModels.ReplayDetection}, $1, '{}', to_timestamp($2))
                 on conflict (model, id) do update set expires_at = excluded.expires_at
              where a.expires_at <= now()`,
      values: [digest(id), expiresAt],
    })
    return rowCount === 1
  }
}

const text = (value: unknown) => (typeof value === 'string' ? value : null)

/**
 * Which rows are looked up by account or client. Codes and tokens are found by
 * their grant; each index more would cost every token request.
 */
const namesAccount = new Set<ModelName>(['Session', 'Grant'])
const namesClient = new Set<ModelName>(['Grant', 'ClientCredentials', 'DeviceCode'])

/** Of one row, in the order of the columns. */
const valuesOf = ({ model, id, payload, userCode, expiresAt }: Upsert): unknown[] => [
  artifactModels[model],
  digest(id),
  JSON.stringify(payload),
  model === 'Grant' ? id : text(payload.grantId),
  namesAccount.has(model) ? text(payload.accountId) : null,
  namesClient.has(model) ? text(payload.clientId) : null,
  model === 'Session' ? text(payload.uid) : null,
  userCode === undefined ? null : digest(userCode),
  expiresAt,
]

/** `$7` to `$16` of the general commit: one array a column. */
function columnsOf(upserts: readonly Upsert[]): unknown[] {
  const rows = upserts.map(valuesOf)
  return [
    ...Array.from({ length: 9 }, (_, column) => rows.map((row) => row[column])),
    upserts.map(({ replaces }) => (replaces === undefined ? null : digest(replaces))),
  ]
}

function foundFrom(row: ArtifactRow): Found {
  const { payload } = row
  const account: Account | undefined = row.account?.id ? accountFromRow(row.account) : undefined
  const found: Found = {
    model: { payload, use: row.use, expiresAt: Math.floor(row.expires_at) },
    account,
  }
  if (row.grant_payload) found.grant = { id: String(payload.grantId), payload: row.grant_payload }
  if (row.session_payload) found.session = { uid: String(payload.sessionUid), payload: row.session_payload }
  if (row.grants) found.grants = new Map(Object.entries(row.grants))
  return found
}
