/** The engine's state on Postgres: each request reads with one statement and writes with one statement. */
import { hash } from 'node:crypto'
import type { Account } from '../../accounts/account.ts'
import type {
  ModelChanges,
  ModelName,
  ModelStore,
  ModelWithCompanions,
  Payload,
  Presented,
  Presenter,
  Replay,
  TokenStatus,
  Upsert,
  Use,
} from '../../oidc/state/model-store.ts'
import type { IssuedToken, LedgerEntry } from '../../revocation/issued-token.ts'
import { type NewRevocation, namesOf, type TokenMarks } from '../../revocation/revocation.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { type AccountRow, accountFromRow } from '../people/account-row.ts'
import { appendRevocations, matchingRevocations } from '../revocation/revocation-log.ts'
import { isMissing, ledgerValues, missingValues } from '../revocation/token-ledger.ts'
import { artifactModels } from './artifact-models.ts'
import { byUserCode, plain, sessionById, sessionByUid, withCompanions } from './artifact-reads.ts'
import {
  commitAndRecord,
  commitStatement,
  endReplayed,
  keepOne,
  keepOneAndRecord,
  recordOne,
  spendOneKeepOne,
  spendOneKeepOneAndRecord,
} from './artifact-writes.ts'
import { withConsent } from './consent-store.ts'

/** The database stores only the digest of a presented value. */
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

/** What `end_replayed` returns. */
interface ReplayRow {
  kind: Replay['kind']
  grantId: string
  accountId: string | null
  clientId: string | null
}

interface TokenStatusRow {
  is_void: boolean
  is_missing: boolean
  id: string | null
  payload: Payload | null
}

const companioned = new Set<ModelName>(['RefreshToken', 'AuthorizationCode', 'AccessToken', 'DeviceCode'])

export class PostgresModelStore implements ModelStore {
  readonly #db: Database
  readonly #revoked: () => void
  readonly #replayed: (replay: Replay) => void

  /**
   * @param revoked called after an entry was added to the log of revocations, so that it is published sooner
   * @param replayed called for each replay that ended tokens; its event is already written
   */
  constructor(db: Database, revoked: () => void = () => {}, replayed: (replay: Replay) => void = () => {}) {
    this.#db = db
    this.#revoked = revoked
    this.#replayed = replayed
  }

  async find(model: ModelName, id: string, graceSeconds: number): Promise<ModelWithCompanions | undefined> {
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

  async findSessionByUid(uid: string): Promise<(ModelWithCompanions & { id: undefined }) | undefined> {
    const { rows } = await this.#db.lookUp<ArtifactRow>({ name: 'session by uid', text: sessionByUid, values: [uid] })
    return rows[0] && { ...foundFrom(rows[0]), id: undefined }
  }

  async findTokenStatus(marks: TokenMarks, entry?: LedgerEntry): Promise<TokenStatus> {
    const half = Buffer.from(marks.grant ?? '', 'base64url')
    const names = namesOf(marks)
    const { rows } = await this.#db.lookUp<TokenStatusRow>({
      name: entry ? 'status of a token, with the ledger' : 'status of a token',
      text: `select exists (select from ${matchingRevocations('$1', '$2', '$3')}) as is_void, g.grant_id as id, g.payload,
                    ${entry ? `(select ${isMissing(6)} from revocation_feeds f)` : 'false'} as is_missing
               from (values (true)) as one
               left join artifacts g on g.model = ${artifactModels.Grant} and g.id between $4 and $5 and g.expires_at > now()`,
      values: [
        names.map(([kind]) => kind),
        names.map(([, value]) => value),
        marks.iat ?? null,
        // Without a grant both bounds are null, and no row matches.
        half.length === 16 ? Buffer.concat([half, Buffer.alloc(16)]) : null,
        half.length === 16 ? Buffer.concat([half, Buffer.alloc(16, 255)]) : null,
        ...(entry ? missingValues(entry, marks) : []),
      ],
    })
    const [row] = rows
    if (!row) throw new Error('query returned no row')
    const grant = row.id && row.payload ? { id: row.id, payload: row.payload } : undefined
    return { isRevoked: row.is_void, isMissing: row.is_missing, grant }
  }

  async findByUserCode(userCode: string): Promise<ModelWithCompanions | undefined> {
    const { rows } = await this.#db.query<ArtifactRow>(byUserCode, [digest(userCode)])
    return rows[0] && foundFrom(rows[0])
  }

  commit(changes: ModelChanges): Promise<boolean> {
    const { upserts, consumes, destroys, revokedGrants, revocations = [], issued, consent, from = nowhere } = changes
    if (consent) return this.#db.transaction((db) => withConsent(db, consent, () => this.#commitAll(db, changes)))
    if (revocations.length > 0) return this.#commitAndRevoke(changes, revocations)
    const [kept] = upserts
    const isSimple = upserts.length <= 1 && kept?.replaces === undefined && destroys.length + revokedGrants.length === 0
    if (isSimple && kept && consumes.length <= 1) {
      return consumes[0] ? this.#exchange(consumes[0], kept, issued, from) : this.#keep(kept, issued)
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

  async #exchange(spent: Presented, kept: Upsert, issued: IssuedToken | undefined, from: Presenter): Promise<boolean> {
    const values = [...valuesOf(kept), ...presentedValues(spent, from)]
    const { rows } = await this.#db.query<{ replay: ReplayRow | null }>(
      issued
        ? {
            name: 'spend one, keep one, record one',
            text: spendOneKeepOneAndRecord,
            values: [...values, ...ledgerValues(issued)],
          }
        : { name: 'spend one, keep one', text: spendOneKeepOne, values },
    )
    for (const { replay } of rows) this.#reportReplay(replay, from)
    return rows.length === 0
  }

  async endReplayed(presented: Presented, from: Presenter): Promise<void> {
    const { rows } = await this.#db.query<{ replay: ReplayRow | null }>({
      name: 'end what was replayed',
      text: endReplayed,
      values: presentedValues(presented, from),
    })
    this.#reportReplay(rows[0]?.replay, from)
  }

  #reportReplay(replay: ReplayRow | null | undefined, from: Presenter): void {
    if (!replay) return
    this.#revoked()
    const { kind, grantId, accountId, clientId } = replay
    this.#replayed({ kind, grantId, accountId: accountId ?? undefined, clientId: clientId ?? undefined, ...from })
  }

  async #commitAndRevoke(changes: ModelChanges, revocations: readonly NewRevocation[]): Promise<boolean> {
    const won = await this.#db.transaction(async (db) => {
      const isWritten = await this.#commitAll(db, changes)
      if (isWritten) await appendRevocations(db, revocations)
      return isWritten
    })
    if (won) this.#revoked()
    return won
  }

  async #commitAll(db: Queryable, changes: ModelChanges): Promise<boolean> {
    const { upserts, consumes, destroys, revokedGrants, issued, from = nowhere } = changes
    const { rows } = await db.query<{ won: boolean; voided: number; replays: ReplayRow[] | null }>({
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
        ...whereabouts(from),
        ...(issued ? ledgerValues(issued) : []),
      ],
    })
    if (rows[0]?.voided) this.#revoked()
    for (const replay of rows[0]?.replays ?? []) this.#reportReplay(replay, from)
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

/** An expired row that housekeeping has not removed yet counts as absent. */
const remembering = (expiresAt: string) => `
  insert into artifacts as a (model, id, payload, expires_at)
  values (${artifactModels.ReplayDetection}, $1, '{}', ${expiresAt})
      on conflict (model, id) do update set expires_at = excluded.expires_at
   where a.expires_at <= now()`

const text = (value: unknown) => (typeof value === 'string' ? value : null)

/**
 * Models whose rows are indexed by account or client. Codes and tokens are found
 * by their grant, because each further index would slow every token request.
 */
const namesAccount = new Set<ModelName>(['Session', 'Grant'])
const namesClient = new Set<ModelName>(['Grant', 'ClientCredentials', 'DeviceCode'])

/** The presenter if there is no request: in a command or a test. */
const nowhere: Presenter = { source: undefined, requestId: undefined }

const whereabouts = ({ source, requestId }: Presenter): unknown[] => [source ?? null, requestId ?? null]

/** The parameters of `end_replayed`, in order. */
const presentedValues = ({ model, id, graceSeconds }: Presented, from: Presenter): unknown[] => [
  artifactModels[model],
  digest(id),
  graceSeconds,
  ...whereabouts(from),
]

/** The values of one row, in the order of the columns. */
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

/** `$7` to `$16` of the general commit: one array per column. */
function columnsOf(upserts: readonly Upsert[]): unknown[] {
  const rows = upserts.map(valuesOf)
  return [
    ...Array.from({ length: 9 }, (_, column) => rows.map((row) => row[column])),
    upserts.map(({ replaces }) => (replaces === undefined ? null : digest(replaces))),
  ]
}

function foundFrom(row: ArtifactRow): ModelWithCompanions {
  const { payload } = row
  const account: Account | undefined = row.account?.id ? accountFromRow(row.account) : undefined
  const found: ModelWithCompanions = {
    model: { payload, use: row.use, expiresAt: Math.floor(row.expires_at) },
    account,
  }
  if (row.grant_payload) found.grant = { id: String(payload.grantId), payload: row.grant_payload }
  if (row.session_payload) found.session = { uid: String(payload.sessionUid), payload: row.session_payload }
  if (row.grants) found.grants = new Map(Object.entries(row.grants))
  return found
}
