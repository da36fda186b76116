/** Browser sessions for administrators, identified by their uid, which is no credential. */
import type { AccountId } from '../../accounts/account.ts'
import type { Database } from '../connection/database.ts'
import { artifactModels } from './artifact-models.ts'
import { endSession } from './ending.ts'

/** State of the back-channel logout request to one app. */
export interface SessionLogout {
  clientId: string
  state: 'waiting' | 'delivered' | 'failed'
  attempts: number
  nextTryAt: Date | undefined
  settledAt: Date | undefined
  lastError: string | undefined
}

export interface BrowserSession {
  id: string
  accountId: AccountId
  /** Undefined once the session has ended. */
  signedInAt: Date | undefined
  expiresAt: Date | undefined
  /** Ids of the apps that used the session. For an ended session: ids of the apps that get a logout request. */
  clients: readonly string[]
  /** Undefined while the session is active. */
  endedAt: Date | undefined
  logouts: readonly SessionLogout[]
}

interface SessionRow {
  uid: string
  account_id: AccountId
  login_ts: number | null
  expires_at: Date | null
  clients: string[] | null
  ended_at: Date | null
  logouts: LogoutJson[] | null
}

interface LogoutJson {
  client_id: string
  outcome: 'delivered' | 'failed' | null
  attempts: number
  next_try_at: string
  settled_at: string | null
  last_error: string | null
}

/** Active sessions, and ended ones with logout requests. `$1` account, `$2` uid; null matches all. */
const sessions = `
  with active as (
    select uid, account_id, (payload->>'loginTs')::float8 as login_ts, expires_at,
           array(select jsonb_object_keys(coalesce(payload->'authorizations', '{}'))) as clients
      from artifacts
     where model = ${artifactModels.Session} and expires_at > now()
       and ($1::text is null or account_id = $1) and ($2::text is null or uid = $2)
  ), logouts as (
    select session_uid as uid, account_id, max(created_at) as ended_at,
           jsonb_agg(to_jsonb(d) order by d.client_id, d.id) as logouts
      from logout_deliveries d
     where ($1::text is null or account_id = $1) and ($2::text is null or session_uid = $2)
     group by session_uid, account_id
  )
  select uid, coalesce(active.account_id, logouts.account_id) as account_id, login_ts, expires_at, clients,
         case when active.uid is null then ended_at end as ended_at, logouts.logouts
    from active full join logouts using (uid)
   order by ended_at desc nulls first, login_ts desc`

export class PostgresBrowserSessions {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Active sessions, newest sign-in first. */
  async list(accountId: AccountId): Promise<BrowserSession[]> {
    return (await this.#read(accountId, null)).filter(({ endedAt }) => !endedAt)
  }

  /** Ended sessions with logout requests that wait or were settled in the last days; latest first. */
  async listEnded(accountId: AccountId): Promise<BrowserSession[]> {
    return (await this.#read(accountId, null)).filter(({ endedAt }) => endedAt)
  }

  async find(id: string): Promise<BrowserSession | undefined> {
    return (await this.#read(null, id))[0]
  }

  /** Ends a session with its grants and refresh tokens, including those with `offline_access`. False if no such session exists. */
  async end(id: string, by: { actor?: string } = {}): Promise<boolean> {
    const ended = await this.#db.transaction((db) => endSession(db, id, { offlineAccess: 'end', ...by }))
    return ended.sessions > 0
  }

  async #read(accountId: AccountId | null, id: string | null): Promise<BrowserSession[]> {
    const { rows } = await this.#db.query<SessionRow>(sessions, [accountId, id])
    return rows.map(sessionOf)
  }
}

function sessionOf(row: SessionRow): BrowserSession {
  const logouts = (row.logouts ?? []).map(logoutOf)
  return {
    id: row.uid,
    accountId: row.account_id,
    signedInAt: row.login_ts === null ? undefined : new Date(row.login_ts * 1000),
    expiresAt: row.expires_at ?? undefined,
    clients: row.clients ?? [...new Set(logouts.map(({ clientId }) => clientId))],
    endedAt: row.ended_at ?? undefined,
    logouts,
  }
}

const logoutOf = (row: LogoutJson): SessionLogout => ({
  clientId: row.client_id,
  state: row.outcome ?? 'waiting',
  attempts: row.attempts,
  nextTryAt: row.outcome === null ? new Date(row.next_try_at) : undefined,
  settledAt: row.settled_at === null ? undefined : new Date(row.settled_at),
  lastError: row.last_error ?? undefined,
})
