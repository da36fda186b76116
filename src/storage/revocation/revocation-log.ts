/** The log of revocations on Postgres. Each writer appends in its own transaction; `publish_revocations` numbers the entries. */
import type {
  Entry,
  LoggedRevocation,
  LogHead,
  NewRevocation,
  RevocationLog,
  TokenMarks,
} from '../../revocation/revocation.ts'
import { kinds, namesOf } from '../../revocation/revocation.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { type BatchOptions, type Gone, inBatches } from '../upkeep/in-batches.ts'

/** How long an entry for a revoked key is kept: caches of verifiers may hold the key for long. */
export const keyRevocationSeconds = 30 * 86_400

/** Writes entries in the caller's transaction. Skips an entry that the log already has, so that repeated calls do not fill it. */
export async function appendRevocations(db: Queryable, entries: readonly NewRevocation[]): Promise<number> {
  if (entries.length === 0) return 0
  const { rowCount } = await db.query({
    name: 'append revocations',
    text: `insert into revocations (kind, value, not_before, expires_at, cause, actor)
           select e.kind, e.value, case when e.since_now then next_cut_off(e.kind, e.value) else e.not_before end, e.expires_at, e.cause, e.actor
             from unnest($1::smallint[], $2::text[], $3::bigint[], $4::boolean[], $5::timestamptz[], $6::text[], $7::text[])
               with ordinality as e(kind, value, not_before, since_now, expires_at, cause, actor, place)
            where not exists (
              select from revocations r, revocation_feeds f
               where r.key = revocation_key(e.kind, e.value, f.salt) and r.kind = e.kind and r.not_before is null
                 and not e.since_now and e.not_before is null and r.expires_at >= coalesce(e.expires_at, now()))
            order by e.place`,
    values: [
      entries.map(({ kind }) => kind),
      entries.map(({ value }) => value),
      entries.map(({ notBefore }) => (typeof notBefore === 'number' ? notBefore : null)),
      entries.map(({ notBefore }) => notBefore === 'now'),
      entries.map(({ expiresAt }) => expiresAt ?? null),
      entries.map(({ cause }) => cause),
      entries.map(({ actor }) => actor ?? null),
    ],
  })
  return rowCount ?? 0
}

/** Revokes everything that a revoked key signed. For `PostgresKeyStore`'s `onRevoked`. */
export async function revokeKey(db: Queryable, { kid }: { kid: string }, at: Date): Promise<void> {
  const expiresAt = new Date(at.getTime() + keyRevocationSeconds * 1000)
  await appendRevocations(db, [{ kind: kinds.kid, value: kid, expiresAt, cause: 'key.revoked' }])
}

/** Why a token is revoked, for people. */
export interface RevocationRecord {
  kind: number
  value: string | null
  notBefore: number | undefined
  cause: string
  actor: string | undefined
  at: Date
}

interface HeadRow extends LogHead {
  waiting: boolean
}

interface EntryRow {
  seq: number
  kind: number
  key: Buffer
  not_before: number | null
  exp: number
}

export class PostgresRevocationLog implements RevocationLog {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  append(entries: readonly NewRevocation[]): Promise<number> {
    return appendRevocations(this.#db, entries)
  }

  /** Must run first in a process: detects a restored database and records the configured token lifetime. */
  async settle(longestTokenSeconds: number): Promise<void> {
    await this.#db.query('select settle_revocation_feed()')
    await this.#db.query('update revocation_feeds set longest_token_seconds = $1 where longest_token_seconds < $1', [
      longestTokenSeconds,
    ])
  }

  async advance(): Promise<LogHead> {
    for (;;) {
      const head = await this.#head()
      if (!head.waiting) return head
      const { rows } = await this.#db.query<{ numbered: number | null }>({
        name: 'publish revocations',
        text: 'select publish_revocations()::int as numbered',
      })
      // Another node is publishing now; the next read finds its numbers.
      if (rows[0]?.numbered == null) return this.#head()
    }
  }

  async readAfter(seq: number, limit: number): Promise<LoggedRevocation[]> {
    const { rows } = await this.#db.query<EntryRow>({
      name: 'revocations after',
      text: `select pub_seq::float8 as seq, kind, key, not_before::float8 as not_before,
                    floor(extract(epoch from expires_at))::float8 as exp
               from revocations where pub_seq > $1 order by pub_seq limit $2`,
      values: [seq, limit],
    })
    return rows.map((row) => ({ seq: row.seq, kind: row.kind, key: row.key, notBefore: row.not_before, exp: row.exp }))
  }

  /** Only the first node that notices the loss creates the new epoch; every node adds the entries that it remembers. */
  restore(lost: readonly Entry[], behind: LogHead | undefined): Promise<void> {
    return this.#db.transaction(async (db) => {
      await db.query('select from revocation_feeds for update')
      await db.query('update revocation_feeds set epoch = gen_random_uuid() where epoch = $1 and seq = $2', [
        behind?.epoch ?? null,
        behind?.seq ?? null,
      ])
      await db.query(
        `insert into revocations (kind, key, not_before, expires_at, cause)
         select *, 'remembered' from unnest($1::smallint[], $2::bytea[], $3::bigint[], $4::timestamptz[])`,
        [
          lost.map(({ kind }) => kind),
          lost.map(({ key }) => key),
          lost.map(({ notBefore }) => notBefore),
          lost.map(({ exp }) => new Date(exp * 1000)),
        ],
      )
    })
  }

  /** Does any committed entry revoke a token with these marks? Asks the database, so it knows before any verifier does. */
  async isVoid(marks: TokenMarks): Promise<boolean> {
    return (await this.explain(marks)).length > 0
  }

  /** Every entry that revokes a token with these marks, oldest first. */
  async explain(marks: TokenMarks): Promise<RevocationRecord[]> {
    const names = namesOf(marks)
    const { rows } = await this.#db.query<Omit<RevocationRecord, 'notBefore'> & { not_before: number | null }>({
      name: 'revocations of a token',
      text: `select r.kind, r.value, r.not_before::float8 as not_before, r.cause, r.actor, r.created_at as at
               from ${matchingRevocations('$1', '$2', '$3')} order by r.id`,
      values: [names.map(([kind]) => kind), names.map(([, value]) => value), marks.iat ?? null],
    })
    return rows.map(({ not_before, ...row }) => ({
      ...row,
      actor: row.actor ?? undefined,
      notBefore: not_before ?? undefined,
    }))
  }

  async longestTokenSeconds(): Promise<number> {
    const { rows } = await this.#db.query<{ seconds: number }>(
      'select longest_token_seconds as seconds from revocation_feeds',
    )
    return rows[0]?.seconds ?? 0
  }

  async #head(): Promise<HeadRow> {
    const { rows } = await this.#db.query<HeadRow>({
      name: 'revocation head',
      text: `select epoch, salt, seq::float8 as seq, floor::float8 as floor,
                    (extract(epoch from clock_timestamp()) * 1000)::float8 as "databaseMs",
                    exists (select from revocations where pub_seq is null) as waiting
               from revocation_feeds`,
    })
    const [head] = rows
    if (!head) throw new Error('the head of the revocation log is missing')
    return head
  }
}

/** SQL source `r`: entries that revoke a token issued at `iat` with these names. `kinds` and `values` are arrays. */
export const matchingRevocations = (kindsParameter: string, valuesParameter: string, iat: string): string => `
  revocation_feeds f
  cross join unnest(${kindsParameter}::smallint[], ${valuesParameter}::text[]) as named(kind, value)
  cross join lateral (
    select * from revocations e
     where e.key = revocation_key(named.kind, named.value, f.salt) and e.kind = named.kind
       and (e.not_before is null or coalesce(${iat}::bigint, -1) < e.not_before)
  ) r`

const keepAfterExpirySeconds = 600

/** Removes entries that expired ten minutes ago; verifiers that were disconnected can catch up for so long. Returns the count. */
export function removeExpiredRevocations(db: Queryable, options?: BatchOptions): Promise<number> {
  return inBatches<Date | '-infinity'>(
    '-infinity',
    (from, most) => db.query<Gone<Date>>({ ...removal, values: [keepAfterExpirySeconds, from, most] }),
    options,
  )
}

const removal = {
  name: 'remove expired revocations',
  text: `with gone as (
           delete from revocations where id in (
             select id from revocations
              where expires_at >= $2 and expires_at < clock_timestamp() - make_interval(secs => $1) and pub_seq is not null
              order by expires_at limit $3 for update skip locked)
           returning pub_seq, expires_at
         ), raised as (
           update revocation_feeds set floor = greatest(floor, (select max(pub_seq) from gone))
            where exists (select from gone)
         )
         select count(*)::int as removed, max(expires_at) as reached from gone`,
}
