/** Streams of security events on Postgres, and the journal that they carry. What writes the journal are triggers. */
import { Failure } from '../errors/failure.ts'
import {
  type EventStream,
  type JournalHead,
  mostExclusions,
  mostStreams,
  mostStreamsOfOne,
  type StreamSettings,
  type StreamStatus,
} from '../signals/signals.ts'
import type { EventStreamStore, Progress, PushOutcome, StreamWindow } from '../signals/stream-store.ts'
import type { Database, Queryable } from './database.ts'
import { type EventRow, eventFrom, type StreamRow, streamColumns, streamFrom } from './event-stream-row.ts'

/** Seals what a receiver wants sent along; bound to its stream. */
export interface HeaderSeal {
  seal(streamId: string, text: string): string
  open(streamId: string, sealed: string): string
}

export class PostgresEventStreams implements EventStreamStore {
  readonly #db: Database
  readonly #seal: HeaderSeal | undefined

  /** @param seal absent where nothing is pushed and no stream is made: then headers stay closed */
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

  async find(id: string): Promise<EventStream | undefined> {
    if (id.includes('\0')) return undefined
    const { rows } = await this.#db.query<StreamRow>({
      name: 'event stream',
      text: `select ${streamColumns} from event_streams where id = $1`,
      values: [id],
    })
    return rows[0] && this.#from(rows[0])
  }

  async list(clientId?: string): Promise<EventStream[]> {
    const { rows } = await this.#db.query<StreamRow>(
      `select ${streamColumns} from event_streams where $1::text is null or client_id = $1 order by created_at, id`,
      [clientId ?? null],
    )
    return rows.map((row) => this.#from(row))
  }

  insert(id: string, clientId: string, settings: StreamSettings): Promise<EventStream> {
    return this.#db.transaction(async (db) => {
      // Held so that two at once cannot both be the hundredth.
      await db.query('select from security_event_heads for update')
      const { rows } = await db.query<StreamRow>(
        `insert into event_streams (id, client_id, method, endpoint_url, authorization_sealed, events_requested, description, cursor)
         select $1, $2, $3, $4, $5, $6, $7, h.seq from security_event_heads h
          where (select count(*) < ${mostStreams} and count(*) filter (where client_id = $2) < ${mostStreamsOfOne} from event_streams)
         returning ${streamColumns}`,
        [id, clientId, ...this.#columns(id, settings)],
      )
      if (rows[0]) return this.#from(rows[0])
      const sentence = `There may be ${mostStreams} streams, and ${mostStreamsOfOne} of one receiver: remove one that is not needed.`
      throw new Failure('streams_full', 'denied', sentence)
    })
  }

  /** Another receiver, or another way to it, is tried at once. */
  async update(id: string, settings: StreamSettings): Promise<EventStream> {
    const { rows } = await this.#db.query<StreamRow>(
      `update event_streams set method = $2, endpoint_url = $3, authorization_sealed = $4, events_requested = $5, description = $6,
              failures = 0, failing_since = null, next_try_at = '-infinity', updated_at = now()
        where id = $1 returning ${streamColumns}`,
      [id, ...this.#columns(id, settings)],
    )
    return this.#only(rows)
  }

  async setStatus(id: string, status: StreamStatus, reason: string | undefined): Promise<EventStream> {
    const { rows } = await this.#db.query<StreamRow>(
      `update event_streams s
          set status = $2, status_reason = $3, failures = 0, failing_since = null, next_try_at = '-infinity', updated_at = now(),
              cursor = case when s.status = 'disabled' and $2 <> 'disabled' then h.seq else s.cursor end,
              acked = case when s.status = 'disabled' and $2 <> 'disabled' then '{}' else s.acked end
         from security_event_heads h where s.id = $1 returning ${streamColumns}`,
      [id, status, reason ?? null],
    )
    return this.#only(rows)
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

  async remove(id: string): Promise<boolean> {
    const { rowCount } = await this.#db.query('delete from event_streams where id = $1', [id])
    return rowCount === 1
  }

  async exclude(id: string, subject: string): Promise<void> {
    const { rowCount } = await this.#db.query(
      `insert into event_stream_exclusions (stream_id, subject)
       select $1, $2 where (select count(*) from event_stream_exclusions where stream_id = $1) < ${mostExclusions}
       on conflict (stream_id, subject) do update set subject = excluded.subject`,
      [id, storable(subject)],
    )
    if (rowCount === 1) return
    throw new Failure('exclusions_full', 'denied', `A stream leaves out ${mostExclusions} subjects at most.`)
  }

  async include(id: string, subject: string): Promise<void> {
    await this.#db.query('delete from event_stream_exclusions where stream_id = $1 and subject = $2', [
      id,
      storable(subject),
    ])
  }

  async verify(id: string, state: string | undefined, minSeconds: number): Promise<boolean> {
    const { rowCount } = await this.#db.query(
      `with asked as (
         update event_streams set verified_at = now()
          where id = $1 and (verified_at is null or verified_at < now() - make_interval(secs => $3)) returning id
       )
       insert into security_events (stream_id, kind, cause, detail) select id, 'stream', 'stream.verification', $2 from asked`,
      [id, JSON.stringify(state === undefined ? {} : { state }), minSeconds],
    )
    return rowCount === 1
  }

  look(id: string, limit: number): Promise<StreamWindow> {
    return this.#window(this.#db, id, limit, '')
  }

  moveOn(id: string, limit: number, move: (window: StreamWindow) => Progress, error?: string): Promise<EventStream> {
    return this.#db.transaction(async (db) => {
      const { cursor, acked } = move(await this.#window(db, id, limit, 'for update'))
      const { rows } = await db.query<StreamRow>(
        `update event_streams set cursor = $2, acked = $3, last_error = coalesce($4, last_error),
                last_error_at = case when $4::text is null then last_error_at else now() end
          where id = $1 returning ${streamColumns}`,
        [id, cursor, [...acked], error ?? null],
      )
      return this.#only(rows)
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
    return rows[0] && this.#from(rows[0])
  }

  async settle(
    id: string,
    limit: number,
    { failure, refusal, received }: PushOutcome,
    retrySeconds: number,
    move: (window: StreamWindow) => Progress,
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

  async removeOld(keptSeconds: number): Promise<void> {
    await this.#db.query(
      `delete from security_events e
        where e.seq is not null
          and (e.created_at < now() - make_interval(secs => $1)
            or e.seq <= coalesce((select min(cursor) from event_streams), e.seq))`,
      [keptSeconds],
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

  /** The stream is read first: what it is given then follows its cursor. */
  async #window(db: Queryable, id: string, limit: number, lock: string): Promise<StreamWindow> {
    const stream = this.#only(
      (await db.query<StreamRow>(`select ${streamColumns} from event_streams where id = $1 ${lock}`, [id])).rows,
    )
    const { rows } = await db.query<EventRow>({
      name: 'events of a stream',
      text: `select e.seq::float8 as seq, e.stream_id, e.kind, e.cause, e.account_id, e.client_id, e.value, e.detail, e.actor, e.txn,
                    e.created_at, exists (select from event_stream_exclusions x
                                           where x.stream_id = $1 and x.subject in ('account ' || e.account_id, 'session ' || e.value)) as is_excluded
               from security_events e
              where e.seq > $2 and (e.stream_id is null or e.stream_id = $1)
              order by e.seq limit $3`,
      values: [id, stream.cursor, limit],
    })
    return { stream, events: rows.map(eventFrom) }
  }

  #columns(id: string, { delivery, eventsRequested, description }: StreamSettings): unknown[] {
    const push = delivery.method === 'push' ? delivery : undefined
    const sealed = push?.authorization === undefined ? null : this.#sealed(id, push.authorization)
    return [
      delivery.method,
      push?.endpointUrl ?? null,
      sealed,
      eventsRequested ? [...eventsRequested] : null,
      description ?? null,
    ]
  }

  #sealed(id: string, text: string): string {
    if (!this.#seal) throw new Error('a header cannot be stored without its seal')
    return this.#seal.seal(id, text)
  }

  #from(row: StreamRow): EventStream {
    return streamFrom(row, (id, sealed) => this.#seal?.open(id, sealed))
  }

  /** @throws Failure `stream_missing` */
  #only(rows: readonly StreamRow[]): EventStream {
    if (rows[0]) return this.#from(rows[0])
    throw new Failure('stream_missing', 'missing', 'There is no such stream.')
  }
}

/** Postgres text holds no NUL, and such a subject is nobody. */
const storable = (text: string): string => text.replaceAll('\0', '')
