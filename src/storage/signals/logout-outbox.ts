/** The outbox of back-channel logout requests on Postgres. Triggers and `ending.ts` write its rows when sessions end. */
import type { LogoutDelivery, LogoutOutbox, Settlement } from '../../logout/logout.ts'
import type { Database } from '../connection/database.ts'

interface TakenRow {
  id: string
  client_id: string
  account_id: string
  sid: string
  session_uid: string
  attempts: number
  uri: string | null
  alg: string
  names_session: boolean
}

export class PostgresLogoutOutbox implements LogoutOutbox {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Only one of two nodes takes a row: `skip locked`, and the new time is committed before the app gets the request. */
  async take(leaseSeconds: number, exceptClients: readonly string[]): Promise<LogoutDelivery | undefined> {
    const { rows } = await this.#db.query<TakenRow>({
      name: 'logout-take',
      text: `with due as materialized (
               select id from logout_deliveries
                where settled_at is null and next_try_at <= now() and client_id <> all($2)
                order by next_try_at limit 1 for update skip locked
             ), taken as (
               update logout_deliveries d
                  set attempts = d.attempts + 1, next_try_at = now() + make_interval(secs => $1)
                 from due where d.id = due.id
               returning d.*
             )
             select t.id, t.client_id, t.account_id, t.sid, t.session_uid, t.attempts,
                    case when c.id is null then t.uri else c.metadata->>'backchannelLogoutUri' end as uri,
                    coalesce(c.metadata->>'idTokenAlg', t.alg) as alg,
                    coalesce((c.metadata->>'backchannelLogoutSessionRequired')::boolean, c.id is null and t.names_session)
                      as names_session
               from taken t left join clients c on c.id = t.client_id`,
      values: [leaseSeconds, [...exceptClients]],
    })
    return rows[0] && deliveryOf(rows[0])
  }

  /** A settled row never changes, even if a node whose lease expired reports another result later. */
  async settle(id: string, settlement: Settlement): Promise<void> {
    if (settlement.outcome === 'again') {
      await this.#db.query({
        name: 'logout-again',
        text: `update logout_deliveries
                  set last_error = $2, next_try_at = now() + make_interval(secs => $3), attempts = attempts - $4
                where id = $1 and settled_at is null`,
        values: [id, settlement.error, settlement.afterSeconds, settlement.counts ? 0 : 1],
      })
      return
    }
    await this.#db.query({
      name: 'logout-settle',
      text: `update logout_deliveries set settled_at = now(), outcome = $2, last_error = $3
              where id = $1 and settled_at is null`,
      values: [id, settlement.outcome, settlement.outcome === 'failed' ? settlement.error : null],
    })
  }

  /** Number of requests that wait, counted up to a limit: for the gauge. */
  async countWaiting(most = 100_000): Promise<number> {
    const { rows } = await this.#db.query<{ waiting: number }>({
      name: 'logout-waiting',
      text: `select count(*)::int as waiting
               from (select from logout_deliveries where settled_at is null limit $1) as unsettled`,
      values: [most],
    })
    return rows[0]?.waiting ?? 0
  }
}

const deliveryOf = (row: TakenRow): LogoutDelivery => ({
  id: row.id,
  clientId: row.client_id,
  accountId: row.account_id,
  sid: row.sid,
  sessionUid: row.session_uid,
  uri: row.uri ?? undefined,
  alg: row.alg,
  namesSession: row.names_session,
  attempts: row.attempts,
})
