/** The ledger of issued tokens on Postgres. `model-store.ts` writes its rows in the same statement as the request's other changes. */
import { randomInt } from 'node:crypto'
import type { IssuedToken, LedgerEntry } from '../../revocation/issued-token.ts'
import { type Entry, type Kind, kinds, type TokenMarks } from '../../revocation/revocation.ts'
import type { StatusLease, TokenLedger } from '../../revocation/token-ledger.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { artifactModels } from '../protocol/artifact-models.ts'

/** Tokens that expire within the same two hours share a partition; 16 partitions form a ring. */
const slotSeconds = 7_200
const slotOf = (exp: number): number => Math.floor(exp / slotSeconds) % 16

const name = (kind: Kind, parameter: number): string => `revocation_key(${kind}::smallint, $${parameter}, f.salt)`

/**
 * Records a token once for each row of `source`. Its values are the parameters
 * from `first` on, in the order of `ledgerValues`. Recording shares one statement
 * with `source`, so that the ledger never lists a token that was not stored.
 */
export const recordToken = (source: string, first: number): string => `
  insert into issued_tokens (jti, sid, grant_id, sub, client, kid, slot, digest, list, idx, iat, exp)
  select ${[kinds.jti, kinds.sid, kinds.grant, kinds.sub, kinds.client, kinds.kid].map((kind, at) => name(kind, first + at)).join(', ')},
         ${[6, 7, 8, 9, 10, 11].map((at) => `$${first + at}`).join(', ')}
    from revocation_feeds f, ${source}`

export const ledgerValues = ({ marks, digest, list, idx, exp }: IssuedToken): unknown[] => [
  marks.jti,
  marks.sid ?? null,
  marks.grant ?? null,
  marks.sub ?? null,
  marks.client,
  marks.kid,
  slotOf(exp),
  digest,
  list,
  idx,
  marks.iat,
  exp,
]

const isPresent = (first: number): string =>
  `exists (select from issued_tokens t
            where t.slot = $${first} and t.jti = ${name(kinds.jti, first + 1)} and t.digest = $${first + 2})`

/**
 * SQL condition: the ledger was complete when the token was issued, but has no row for it. Parameters from `first` on:
 * `missingValues`. A forger may choose `iat`, so `iat` is limited by `exp` and the longest lifetime. Needs source `f`.
 */
export const isMissing = (first: number): string =>
  `not ${isPresent(first)} and exists (
     select from token_ledger
      where complete_from <= to_timestamp(greatest($${first + 3}::bigint, $${first + 4}::bigint - f.longest_token_seconds)))`

export const missingValues = ({ digest, exp }: LedgerEntry, { jti, iat }: TokenMarks): unknown[] => [
  slotOf(representable(exp)),
  jti,
  digest,
  representable(iat ?? 0),
  representable(exp),
]

/** Limits a second to the range that Postgres accepts as a time. */
const representable = (seconds: number): number => Math.floor(Math.max(0, Math.min(seconds, 1e11)))

/** `missing`: the ledger should have the token. `unknown`: the token may predate the ledger, or its row may have been removed. */
export interface TokenHistory {
  ledger: 'present' | 'missing' | 'unknown'
  /** When the app last received newer tokens of the same grant. */
  refreshedAt: Date | undefined
}

/** `tidy_token_ledger` keeps rows at least this long. */
const keptAfterExpirySeconds = 7_200

/** Join condition for each kind of log entry. An entry for the issuer matches every token. */
const columns: Readonly<Record<number, string>> = {
  [kinds.jti]: 't.jti = e.key',
  [kinds.sid]: 't.sid = e.key',
  [kinds.grant]: 't.grant_id = e.key',
  [kinds.sub]: 't.sub = e.key',
  [kinds.client]: 't.client = e.key',
  [kinds.kid]: 't.kid = e.key',
  [kinds.issuer]: 'true',
}

const revokedPlaces = (condition: string): string => `
  declare places no scroll cursor for
  select t.list::float8 as list, string_agg(int4send(t.idx), '') as indices
    from issued_tokens t join unnest($1::bytea[], $2::bigint[]) as e(key, not_before) on ${condition}
   where t.exp > extract(epoch from now()) - 60 and (e.not_before is null or t.iat < e.not_before)
   group by t.list`

export class PostgresTokenLedger implements TokenLedger {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Records whether this node keeps the ledger. The ledger counts as complete after ten minutes, the time for all nodes to restart. */
  async settle(isKept: boolean): Promise<void> {
    await this.#db.query(
      isKept
        ? `update token_ledger set complete_from = clock_timestamp() + interval '10 minutes' where complete_from is null`
        : 'update token_ledger set complete_from = null where complete_from is not null',
    )
  }

  async lease(size: number): Promise<StatusLease> {
    const { rows } = await this.#db.query<StatusLease>({
      name: 'lease status indices',
      text: 'select list::float8 as list, first from lease_status_indices($1, $2)',
      values: [size, randomInt(2 ** 48 - 1)],
    })
    const [lease] = rows
    if (!lease) throw new Error('query returned no row')
    return lease
  }

  async livingLists(): Promise<number[]> {
    const { rows } = await this.#db.query<{ id: number }>({
      name: 'living status lists',
      text: 'select id::float8 as id from status_lists order by number',
    })
    return rows.map(({ id }) => id)
  }

  async findVoid(entries: readonly Entry[], take: (list: number, indices: readonly number[]) => void): Promise<void> {
    for (const [kind, condition] of Object.entries(columns)) {
      const ofKind = entries.filter((entry) => entry.kind === Number(kind))
      if (ofKind.length === 0) continue
      await this.#db.transaction(async (db) => {
        await db.query(`set local statement_timeout = '60s'`)
        await db.query(revokedPlaces(condition), [
          ofKind.map(({ key }) => key),
          ofKind.map(({ notBefore }) => notBefore),
        ])
        await readCursor(db, take)
      })
    }
  }

  /** What the database knows about a token beyond the token's own claims. */
  async history(marks: TokenMarks, entry: LedgerEntry): Promise<TokenHistory> {
    const { rows } = await this.#db.query<{ is_present: boolean; is_missing: boolean; refreshed_at: Date | null }>(
      `select ${isPresent(1)} as is_present,
              ${isMissing(1)} and $5::bigint > extract(epoch from now()) - ${keptAfterExpirySeconds} as is_missing,
              greatest(
                (select max(to_timestamp(t.iat)) from issued_tokens t where t.grant_id = ${name(kinds.grant, 6)} and t.iat > $4::bigint),
                -- The refresh token issued together with this token is stored shortly after signing.
                (select max(a.created_at) from artifacts a join artifacts g using (grant_id)
                  where a.model = ${artifactModels.RefreshToken} and g.model = ${artifactModels.Grant}
                    and grant_claim(g.grant_id) = $6 and a.created_at > to_timestamp($4::bigint) + interval '2 seconds')
              ) as refreshed_at
         from revocation_feeds f`,
      [...missingValues(entry, marks), marks.grant ?? null],
    )
    const [row] = rows
    const ledger = row?.is_present ? 'present' : row?.is_missing ? 'missing' : 'unknown'
    return { ledger, refreshedAt: row?.refreshed_at ?? undefined }
  }

  /** Was a token with this jti issued? Undefined if the ledger may lack a token that is still valid. */
  async knowsJti(jti: string): Promise<boolean | undefined> {
    const { rows } = await this.#db.query<{ is_present: boolean; is_complete: boolean }>(
      `select exists (select from issued_tokens t where t.jti = ${name(kinds.jti, 1)}) as is_present,
              exists (select from token_ledger
                       where complete_from <= clock_timestamp() - make_interval(secs => f.longest_token_seconds)) as is_complete
         from revocation_feeds f`,
      [jti],
    )
    const [row] = rows
    return row?.is_present ? true : row?.is_complete ? false : undefined
  }

  /** Removes rows that expired hours ago. True if rows were removed. */
  async tidy(at?: Date): Promise<boolean> {
    const { rows } = await this.#db.query<{ emptied: boolean }>(
      'select tidy_token_ledger(coalesce($1, clock_timestamp())) as emptied',
      [at ?? null],
    )
    return rows[0]?.emptied === true
  }
}

/** Reads four lists at a time; each list has at most half a megabyte. */
async function readCursor(db: Queryable, take: (list: number, indices: readonly number[]) => void): Promise<void> {
  for (;;) {
    const { rows } = await db.query<{ list: number; indices: Buffer }>('fetch 4 from places')
    for (const { list, indices } of rows) {
      take(
        list,
        Array.from({ length: indices.length / 4 }, (_, at) => indices.readInt32BE(at * 4)),
      )
    }
    if (rows.length < 4) return
  }
}
