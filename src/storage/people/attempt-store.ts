import { fullCount } from '../../credentials/attempt-policy.ts'
import type { Admission, AttemptStore, Bucket } from '../../credentials/attempt-store.ts'
import type { Database } from '../connection/database.ts'

/** `$1` holds the buckets with their policies. */
const wanted = `
  select decode(w.key, 'hex') as key, w.free, w.first, w.longest, w.drain, w.full_count
    from jsonb_to_recordset($1) as w(key text, free float8, first float8, longest float8, drain float8, full_count float8)`

const seconds = (expression: string) => `make_interval(secs => ${expression})`

/** The delay after the n-th failure; the same formula as `delayAfter`. */
const delay = 'case when n < free - 0.5 then 0 else least(longest, first * 2 ^ greatest(0, n - free)) end'

/**
 * Checks and counts in one statement. If any bucket is already blocked, nothing is counted. A parallel attempt waits for
 * the row and checks again. If the bucket is full by then, the attempt is not counted, and fewer rows return than
 * requested. Rows are locked in the order of their keys, so that attempts cannot deadlock. The database's clock decides,
 * so the clocks of the nodes may differ.
 */
const reserve = `
  with wanted as (${wanted}
  ), blocked as (
    select max(t.blocked_until) as until from sign_in_attempts t join wanted using (key)
     where t.blocked_until > clock_timestamp()
  ), counted as (
    insert into sign_in_attempts as t (key, failures, last_failure_at, blocked_until, expires_at)
    select key, n, clock_timestamp(), clock_timestamp() + ${seconds(delay)}, clock_timestamp() + ${seconds('longest + n * drain')}
      from (select *, 1::float8 as n from wanted) w, blocked
     where blocked.until is null
     order by key
        on conflict (key) do update
       set (failures, last_failure_at, blocked_until, expires_at) = (
             select n, clock_timestamp(), clock_timestamp() + ${seconds(delay)}, clock_timestamp() + ${seconds('longest + n * drain')}
               from (select w.*, least(full_count, 1 + greatest(0, t.failures -
                       greatest(0, extract(epoch from clock_timestamp() - t.last_failure_at)) / drain)) as n
                       from wanted w where w.key = t.key) counting)
     where t.blocked_until <= clock_timestamp()
    returning t.blocked_until
  )
  select (select count(*) from counted) = (select count(*) from wanted) as admitted,
         extract(epoch from greatest((select until from blocked), (select max(blocked_until) from counted))
                            - clock_timestamp())::float8 as wait`

/** `$2` holds the hex keys to delete. Every other bucket loses one failure, and its delay if that failure filled it. */
const settle = `
  with wanted as (${wanted}
  ), locked as (
    select t.key from sign_in_attempts t join wanted using (key) order by t.key for update of t
  ), forgotten as (
    delete from sign_in_attempts t using locked
     where t.key = locked.key and encode(t.key, 'hex') = any($2::text[])
  )
  update sign_in_attempts t
     set failures = greatest(0, t.failures - 1),
         blocked_until = case when t.failures - 1 < w.free - 0.5 then least(t.blocked_until, clock_timestamp()) else t.blocked_until end
    from locked join wanted w using (key)
   where t.key = locked.key and not encode(t.key, 'hex') = any($2::text[])`

export class PostgresAttemptStore implements AttemptStore {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  async reserve(buckets: readonly Bucket[]): Promise<Admission> {
    const { rows } = await this.#db.query<{ admitted: boolean; wait: number | null }>({
      name: 'reserve sign-in attempt',
      text: reserve,
      values: [asJson(buckets)],
    })
    const wait = Math.ceil(rows[0]?.wait ?? 0)
    return rows[0]?.admitted === true
      ? { admitted: true, nextAfterSeconds: Math.max(0, wait) }
      : { admitted: false, retryAfterSeconds: Math.max(1, wait) }
  }

  async settle({ release, forget }: { release: readonly Bucket[]; forget: readonly Bucket[] }): Promise<void> {
    await this.#db.query({
      name: 'settle sign-in attempt',
      text: settle,
      values: [asJson([...release, ...forget]), forget.map(({ key }) => key.toString('hex'))],
    })
  }

  async forgetAccount(prefix: Buffer): Promise<void> {
    const rest = (byte: number) => Buffer.concat([prefix, Buffer.alloc(32 - prefix.length, byte)])
    await this.#db.query('delete from sign_in_attempts where key between $1 and $2', [rest(0), rest(0xff)])
  }
}

const asJson = (buckets: readonly Bucket[]): string =>
  JSON.stringify(
    buckets.map(({ key, policy }) => ({
      key: key.toString('hex'),
      free: policy.free,
      first: policy.firstSeconds,
      longest: policy.longestSeconds,
      drain: policy.drainSeconds,
      full_count: fullCount(policy),
    })),
  )
