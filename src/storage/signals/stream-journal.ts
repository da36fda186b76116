/** The journal of security events on Postgres, with each stream's position. Triggers write the journal. */
import type { EventStream, JournalHead } from '../../signals/signals.ts'
import type { Move, PushOutcome, StreamJournal, StreamWindow } from '../../signals/stream-journal.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { type BatchOptions, type Gone, inBatches } from '../upkeep/in-batches.ts'
import {
  type EventRow,
  eventFrom,
  type HeaderSeal,
  onlyStream,
  type StreamRow,
  streamColumns,
  streamFrom,
} from './event-stream-row.ts'

export class PostgresStreamJournal implements StreamJournal {
  readonly #db: Database
  readonly #seal: HeaderSeal | undefined

  /** @param seal absent if the caller pushes nothing: then headers are not decrypted */
  constructor(db: Database, seal?: HeaderSeal) {
    this.#db = db
    this.#seal = seal
  }

  async advance(): Promise<JournalHead & { hasStreams: boolean }> {
    const head = await this.#head()
    if (!head.isWaiting) return head
    await this.#db.query({ name: 'publish security events', text: 'select publish_security_events()' })
    return this.#head()
  }

  look(id: string, limit: number): Promise<StreamWindow> {
    return this.#window(this.#db, id, limit, '')
  }

  moveOn(id: string, limit: number, move: Move, error?: string): Promise<void> {
    return this.#db.transaction(async (db) => {
      const { cursor, acked } = move(await this.#window(db, id, limit, 'for update'))
      await db.query(
        `update event_streams set cursor = $2, acked = $3, last_error = coalesce($4, last_error),
                last_error_at = case when $4::text is null then last_error_at else now() end
          where id = $1`,
        [id, cursor, [...acked], error ?? null],
      )
    })
  }

  async listPushable(): Promise<{ id: string; version: string }[]> {
    const { rows } = await this.#db.query<{ id: string; version: string }>({
      name: 'pushable event streams',
      text: `select s.id, concat_ws('/', s.updated_at, s.leased_until, s.next_try_at, s.cursor) as version
               from event_streams s, security_event_heads h
              where s.method = 'push' and s.cursor < h.seq
                and exists (select from clients c where c.id = s.client_id and c.metadata->'rights' ? 'shared-signals')
                and s.next_try_at <= clock_timestamp() and s.leased_until < clock_timestamp()`,
    })
    return rows
  }

  async lease(id: string, seconds: number): Promise<EventStream | undefined> {
    const { rows } = await this.#db.query<StreamRow>({
      name: 'lease event stream',
      text: `update event_streams set leased_until = clock_timestamp() + make_interval(secs => $2)
              where id = $1 and leased_until < clock_timestamp() and next_try_at <= clock_timestamp()
             returning ${streamColumns}`,
      values: [id, seconds],
    })
    return rows[0] && streamFrom(rows[0], this.#seal)
  }

  async settle(
    id: string,
    limit: number,
    { failure, refusal, received }: PushOutcome,
    retrySeconds: number,
    move: Move,
  ): Promise<void> {
    await this.#db.transaction(async (db) => {
      const { cursor, acked } = move(await this.#window(db, id, limit, 'for update'))
      await db.query(
        `update event_streams
            set cursor = $2, acked = $3, leased_until = '-infinity',
                failures = case when $4::text is null then 0 when $7 then 1 else failures + 1 end,
                failing_since = case when $4::text is null then null when $7 then now() else coalesce(failing_since, now()) end,
                next_try_at = case when $4::text is null then '-infinity' else clock_timestamp() + make_interval(secs => $6) end,
                last_error = coalesce($4, $5, last_error),
                last_error_at = case when coalesce($4, $5) is null then last_error_at else now() end
          where id = $1`,
        [id, cursor, [...acked], failure ?? null, refusal ?? null, retrySeconds, received.length > 0],
      )
    })
  }

  async halt(id: string, status: 'paused' | 'disabled', reason: string, { skip }: { skip: boolean }): Promise<void> {
    await this.#db.query(
      `with halted as (
         update event_streams s set status = $2, status_reason = $3, updated_at = now(),
                cursor = case when $4 then h.seq else s.cursor end, acked = case when $4 then '{}' else s.acked end
           from security_event_heads h where s.id = $1 and s.status <> $2
         returning s.id
       )
       insert into security_events (stream_id, kind, cause, detail)
       select id, 'stream', 'stream.updated', jsonb_build_object('status', $2::text, 'reason', $3::text) from halted`,
      [id, status, reason, skip],
    )
  }

  /** The lag of streams, grouped by method and status. An event that a stream skips counts for up to a minute. */
  async lag(): Promise<{ method: string; status: string; streams: number; oldestSeconds: number }[]> {
    const { rows } = await this.#db.query<{ method: string; status: string; streams: number; oldestSeconds: number }>(
      `select s.method, s.status, count(*)::int as streams,
              coalesce(extract(epoch from clock_timestamp() - min(missed.at)), 0)::float8 as "oldestSeconds"
         from event_streams s
         left join lateral (
           select e.created_at as at from security_events e
            where e.seq > s.cursor and e.seq <> all (s.acked) and (e.stream_id is null or e.stream_id = s.id)
            order by e.seq limit 1) missed on true
        group by s.method, s.status`,
    )
    return rows
  }

  async removeOld(keptSeconds: number, options?: BatchOptions): Promise<void> {
    await inBatches(
      0,
      (from, most) => this.#db.query<Gone<number>>({ ...removal, values: [keptSeconds, from, most] }),
      options,
    )
  }

  async #head(): Promise<JournalHead & { hasStreams: boolean; isWaiting: boolean }> {
    const { rows } = await this.#db.query<JournalHead & { hasStreams: boolean; isWaiting: boolean }>({
      name: 'security event head',
      text: `select f.epoch, h.seq::float8 as seq, exists (select from event_streams) as "hasStreams",
                    exists (select from security_events where seq is null) as "isWaiting"
               from security_event_heads h, revocation_feeds f`,
    })
    if (!rows[0]) throw new Error('the head of the journal of security events is missing')
    return rows[0]
  }

  /** Reads the stream first, so that the events follow its current cursor. */
  async #window(db: Queryable, id: string, limit: number, lock: string): Promise<StreamWindow> {
    const stream = onlyStream(
      (await db.query<StreamRow>(`select ${streamColumns} from event_streams where id = $1 ${lock}`, [id])).rows,
      this.#seal,
    )
    const { rows } = await db.query<EventRow>({
      name: 'events of a stream',
      text: `select e.seq::float8 as seq, e.stream_id, e.kind, e.cause, e.account_id, e.client_id, e.value, e.detail, e.actor, e.txn,
                    e.created_at, exists (select from event_stream_exclusions x
                                           where x.stream_id = $1 and x.subject in ('account ' || e.account_id, case e.kind when 'sid' then 'session ' || e.value end)) as is_excluded
               from security_events e
              where e.seq > $2 and (e.stream_id is null or e.stream_id = $1)
              order by e.seq limit $3`,
      values: [id, stream.cursor, limit],
    })
    return { stream, events: rows.map(eventFrom) }
  }
}

/** Events age in the order of their numbers: if the first events are still needed, so are all later ones. */
const removal = {
  name: 'remove old security events',
  text: `with gone as (
           delete from security_events where id = any (array(
             select e.id from security_events e
               join (select id from security_events where seq >= $2 order by seq limit $3) oldest using (id)
              where e.created_at < now() - make_interval(secs => $1)
                 or e.seq <= coalesce((select min(cursor) from event_streams), e.seq)
                for update of e skip locked))
           returning seq)
         select count(*)::int as removed, max(seq)::float8 as reached from gone`,
}
