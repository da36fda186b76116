/** The engine's state on Postgres: one statement to read, one to write. */
import { hash } from 'node:crypto'
import type { Account } from '../accounts/account.ts'
import type { Changes, Found, ModelName, ModelStore, Payload, Standing, Upsert, Use } from '../oidc/model-store.ts'
import type { IssuedToken, LedgerEntry } from '../revocation/issued-token.ts'
import { type NewRevocation, namesOf, type TokenMarks } from '../revocation/revocation.ts'
import { type AccountRow, accountFromRow } from './account-row.ts'
import { artifactModels } from './artifact-models.ts'
import {
  commitAndRecord,
  commitStatement,
  keepOne,
  keepOneAndRecord,
  recordOne,
  spendOneKeepOne,
  spendOneKeepOneAndRecord,
} from './artifact-writes.ts'
import type { Database, Queryable } from './database.ts'
import { appendRevocations, voiding } from './postgres-revocation-log.ts'
import { isMissing, ledgerValues, missingValues } from './postgres-token-ledger.ts'

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

interface StandingRow {
  is_void: boolean
  is_missing: boolean
  id: string | null
  payload: Payload | null
}

/** `$1` model, `$2` digest, `$3` grace in seconds. Expired rows do not exist. */
const useColumn = `case when a.consumed_at is null then 'unused'
            when $3 > 0 and a.consumed_at > now() - make_interval(secs => $3) then 'just-used'
            else 'used' end as use`

const plain = `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, ${useColumn}
    from artifacts a
   where a.model = $1 and a.id = $2 and a.expires_at > now()`

/** The grant by its id. Postgres keeps the first plan it likes for long: with `limit 1` none can begin at all grants or sessions there are. */
const grantOf = (id: string) => `(
         select grant_id, payload from artifacts
          where model = ${artifactModels.Grant} and id = sha256(convert_to(${id}, 'UTF8')) and expires_at > now() limit 1)`

/** Beside a uid: the cast keeps Postgres from looking through the sessions in the primary key, which has the model first. */
const isSession = (table: string) => `${table}.model::int = ${artifactModels.Session}`

/** A code or token with its grant, its session and its account. */
const withCompanions = `
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

const sessionById = sessionWith(`a.model = ${artifactModels.Session} and a.id = $1`)
const sessionByUid = sessionWith(`${isSession('a')} and a.uid = $1`)

const byUserCode = `
  select a.payload, extract(epoch from a.expires_at)::float8 as expires_at, case when a.consumed_at is null then 'unused' else 'used' end as use
    from artifacts a
   where a.user_code = $1 and a.expires_at > now()`

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
    const { rows } = await this.#db.lookUp<ArtifactRow>(statement)
    return rows[0] && foundFrom(rows[0])
  }

  async findSessionByUid(uid: string): Promise<(Found & { id: undefined }) | undefined> {
    const { rows } = await this.#db.lookUp<ArtifactRow>({ name: 'session by uid', text: sessionByUid, values: [uid] })
    return rows[0] && { ...foundFrom(rows[0]), id: undefined }
  }

  async findStanding(marks: TokenMarks, entry?: LedgerEntry): Promise<Standing> {
    const half = Buffer.from(marks.grant ?? '', 'base64url')
    const names = namesOf(marks)
    const { rows } = await this.#db.lookUp<StandingRow>({
      name: entry ? 'standing of a token, with the ledger' : 'standing of a token',
      text: `select exists (select from ${voiding('$1', '$2', '$3')}) as is_void, g.grant_id as id, g.payload,
                    ${entry ? `(select ${isMissing(6)} from revocation_feeds f)` : 'false'} as is_missing
               from (values (true)) as one
               left join artifacts g on g.model = ${artifactModels.Grant} and g.id between $4 and $5 and g.expires_at > now()`,
      values: [
        names.map(([kind]) => kind),
        names.map(([, value]) => value),
        marks.iat ?? null,
        // Of no grant there is nothing between the two.
        half.length === 16 ? Buffer.concat([half, Buffer.alloc(16)]) : null,
        half.length === 16 ? Buffer.concat([half, Buffer.alloc(16, 255)]) : null,
        ...(entry ? missingValues(entry, marks) : []),
      ],
    })
    const [row] = rows
    if (!row) throw new Error('a question without an answer')
    const grant = row.id && row.payload ? { id: row.id, payload: row.payload } : undefined
    return { isVoid: row.is_void, isMissing: row.is_missing, grant }
  }

  async findByUserCode(userCode: string): Promise<Found | undefined> {
    const { rows } = await this.#db.query<ArtifactRow>(byUserCode, [digest(userCode)])
    return rows[0] && foundFrom(rows[0])
  }

  commit(changes: Changes): Promise<boolean> {
    const { upserts, consumes, destroys, revokedGrants, revocations = [], issued } = changes
    if (revocations.length > 0) return this.#commitAndRevoke(changes, revocations)
    const [kept] = upserts
    const isSimple = upserts.length <= 1 && kept?.replaces === undefined && destroys.length + revokedGrants.length === 0
    if (isSimple && kept && consumes.length <= 1) {
      return consumes[0] ? this.#exchange(consumes[0], kept, issued) : this.#keep(kept, issued)
    }
    return isSimple && issued && consumes.length === 0 ? this.#record(issued) : this.#commitAll(this.#db, changes)
  }

  async #record(issued: IssuedToken): Promise<boolean> {
    await this.#db.query({ name: 'record one', text: recordOne, values: ledgerValues(issued) })
    return true
  }

  async #keep(kept: Upsert, issued: IssuedToken | undefined): Promise<boolean> {
    const values = valuesOf(kept)
    await this.#db.query(
      issued
        ? { name: 'keep one, record one', text: keepOneAndRecord, values: [...values, ...ledgerValues(issued)] }
        : { name: 'keep one', text: keepOne, values },
    )
    return true
  }

  async #exchange(spent: Changes['consumes'][number], kept: Upsert, issued: IssuedToken | undefined): Promise<boolean> {
    const values = [...valuesOf(kept), artifactModels[spent.model], digest(spent.id), spent.graceSeconds]
    const { rowCount } = await this.#db.query(
      issued
        ? {
            name: 'spend one, keep one, record one',
            text: spendOneKeepOneAndRecord,
            values: [...values, ...ledgerValues(issued)],
          }
        : { name: 'spend one, keep one', text: spendOneKeepOne, values },
    )
    return rowCount === 1
  }

  async #commitAndRevoke(changes: Changes, revocations: readonly NewRevocation[]): Promise<boolean> {
    const won = await this.#db.transaction(async (db) => {
      const landed = await this.#commitAll(db, changes)
      if (landed) await appendRevocations(db, revocations)
      return landed
    })
    if (won) this.#revoked()
    return won
  }

  async #commitAll(db: Queryable, { upserts, consumes, destroys, revokedGrants, issued }: Changes): Promise<boolean> {
    const { rows } = await db.query<{ won: boolean; voided: number }>({
      name: issued ? 'commit artifacts, record one' : 'commit artifacts',
      text: issued ? commitAndRecord : commitStatement,
      values: [
        consumes.map(({ model }) => artifactModels[model]),
        consumes.map(({ id }) => digest(id)),
        consumes.map(({ graceSeconds }) => graceSeconds),
        destroys.map(({ model }) => artifactModels[model]),
        destroys.map(({ id }) => digest(id)),
        revokedGrants,
        ...columnsOf(upserts),
        ...(issued ? ledgerValues(issued) : []),
      ],
    })
    if (rows[0]?.voided) this.#revoked()
    return rows[0]?.won === true
  }

  async remember(id: string, expiresAt: number): Promise<boolean> {
    const values = [digest(id), expiresAt]
    const { rowCount } = await this.#db.query({ name: 'remember', text: remembering('to_timestamp($2)'), values })
    return rowCount === 1
  }

  async rememberFor(id: string, seconds: number): Promise<boolean> {
    const text = remembering('now() + make_interval(secs => $2)')
    const { rowCount } = await this.#db.query({ name: 'remember for', text, values: [digest(id), seconds] })
    return rowCount === 1
  }
}

/** An expired memory that housekeeping has not reached yet counts as none. */
const remembering = (expiresAt: string) => `
  insert into artifacts as a (model, id, payload, expires_at)
  values (${artifactModels.ReplayDetection}, $1, '{}', ${expiresAt})
      on conflict (model, id) do update set expires_at = excluded.expires_at
   where a.expires_at <= now()`

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
