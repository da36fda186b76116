/** Event streams on Postgres, as receivers manage them. */
import { Failure } from '../../errors/failure.ts'
import {
  type EventStream,
  mostExclusions,
  mostStreams,
  mostStreamsOfOne,
  type StreamSettings,
  type StreamStatus,
} from '../../signals/signals.ts'
import type { StreamStore } from '../../signals/stream-store.ts'
import type { Database } from '../connection/database.ts'
import { type HeaderSeal, onlyStream, type StreamRow, streamColumns, streamFrom } from './event-stream-row.ts'

export class PostgresStreamStore implements StreamStore {
  readonly #db: Database
  readonly #seal: HeaderSeal | undefined

  /** @param seal absent if the caller creates no stream: then headers are not decrypted */
  constructor(db: Database, seal?: HeaderSeal) {
    this.#db = db
    this.#seal = seal
  }

  async find(id: string): Promise<EventStream | undefined> {
    if (id.includes('\0')) return undefined
    const { rows } = await this.#db.query<StreamRow>({
      name: 'event stream',
      text: `select ${streamColumns} from event_streams where id = $1`,
      values: [id],
    })
    return rows[0] && streamFrom(rows[0], this.#seal)
  }

  async list(clientId?: string): Promise<EventStream[]> {
    const { rows } = await this.#db.query<StreamRow>(
      `select ${streamColumns} from event_streams where $1::text is null or client_id = $1 order by created_at, id`,
      [clientId ?? null],
    )
    return rows.map((row) => streamFrom(row, this.#seal))
  }

  insert(id: string, clientId: string, settings: StreamSettings): Promise<EventStream> {
    return this.#db.transaction(async (db) => {
      // The lock keeps two parallel inserts from exceeding the limit.
      await db.query('select from security_event_heads for update')
      const { rows } = await db.query<StreamRow>(
        `insert into event_streams (id, client_id, method, endpoint_url, authorization_sealed, events_requested, description, cursor)
         select $1, $2, $3, $4, $5, $6, $7, h.seq from security_event_heads h
          where (select count(*) < ${mostStreams} and count(*) filter (where client_id = $2) < ${mostStreamsOfOne} from event_streams)
         returning ${streamColumns}`,
        [id, clientId, ...this.#columns(id, settings)],
      )
      if (rows[0]) return streamFrom(rows[0], this.#seal)
      const sentence = `At most ${mostStreams} streams can exist, and ${mostStreamsOfOne} of one receiver. Remove a stream that is not needed.`
      throw new Failure('streams_full', 'denied', sentence)
    })
  }

  /** Also resets the failures, so that a changed receiver is tried at once. */
  async update(id: string, settings: StreamSettings): Promise<EventStream> {
    const { rows } = await this.#db.query<StreamRow>(
      `update event_streams set method = $2, endpoint_url = $3, authorization_sealed = $4, events_requested = $5, description = $6,
              failures = 0, failing_since = null, next_try_at = '-infinity', updated_at = now()
        where id = $1 returning ${streamColumns}`,
      [id, ...this.#columns(id, settings)],
    )
    return onlyStream(rows, this.#seal)
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
    return onlyStream(rows, this.#seal)
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
    throw new Failure('exclusions_full', 'denied', `A stream can exclude at most ${mostExclusions} subjects.`)
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
    if (!this.#seal) throw new Error('a header cannot be stored without a seal')
    return this.#seal.seal(id, text)
  }
}

/** Postgres text cannot hold a NUL, and no subject contains one. */
const storable = (text: string): string => text.replaceAll('\0', '')
