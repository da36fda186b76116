/** Browser sessions as an administrator sees them: by their uid, which opens nothing. */
import type { AccountId } from '../../accounts/account.ts'
import type { Database } from '../connection/database.ts'
import { artifactModels } from './artifact-models.ts'
import { endSession } from './ending.ts'

/** How far an app has been told that the session has ended. */
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
  /** Undefined once it has ended. */
  signedInAt: Date | undefined
  expiresAt: Date | undefined
  /** Ids of the apps it was used for; of an ended one, of those that are told. */
  clients: readonly string[]
  /** Undefined while it lives. */
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

/** Those that live and those of whose end apps are still told. `$1` account, `$2` uid: null is any. */
const sessions = `
  with alive as (
    select uid, account_id, (payload->>'loginTs')::float8 as login_ts, expires_at,
           array(select jsonb_object_keys(coalesce(payload->'authorizations', '{}'))) as clients
      from artifacts
     where model = ${artifactModels.Session} and expires_at > now()
       and ($1::text is null or account_id = $1) and ($2::text is null or uid = $2)
  ), told as (
    select session_uid as uid, account_id, max(created_at) as ended_at,
           jsonb_agg(to_jsonb(d) order by d.client_id, d.id) as logouts
      from logout_deliveries d
     where ($1::text is null or account_id = $1) and ($2::text is null or session_uid = $2)
     group by session_uid, account_id
  )
  select uid, coalesce(alive.account_id, told.account_id) as account_id, login_ts, expires_at, clients,
         case when alive.uid is null then ended_at end as ended_at, logouts
    from alive full join told using (uid)
   order by ended_at desc nulls first, login_ts desc`

export class PostgresBrowserSessions {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Those that live, newest sign-in first. */
  async list(accountId: AccountId): Promise<BrowserSession[]> {
    return (await this.#read(accountId, null)).filter(({ endedAt }) => !endedAt)
  }

  /** Those of whose end apps are told, or were in the last days; the latest first. */
  async listEnded(accountId: AccountId): Promise<BrowserSession[]> {
    return (await this.#read(accountId, null)).filter(({ endedAt }) => endedAt)
  }

  async find(id: string): Promise<BrowserSession | undefined> {
    return (await this.#read(null, id))[0]
  }

  /** Ends it with its grants and refresh tokens, also those that outlive browsers. False when there is none. */
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
