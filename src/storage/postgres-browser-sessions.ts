/** Browser sessions as an administrator sees them: by their uid, which opens nothing. */
import type { AccountId } from '../accounts/account.ts'
import { artifactModels } from './artifact-models.ts'
import type { Database } from './database.ts'
import { endSession } from './ending.ts'

export interface BrowserSession {
  id: string
  accountId: AccountId
  signedInAt: Date
  expiresAt: Date
  /** Ids of the apps it was used for. */
  clients: readonly string[]
}

export class PostgresBrowserSessions {
  readonly #db: Database

  constructor(db: Database) {
    this.#db = db
  }

  /** Newest sign-in first. */
  async list(accountId: AccountId): Promise<BrowserSession[]> {
    const { rows } = await this.#db.query<{ uid: string; login_ts: number; expires_at: Date; clients: string[] }>(
      `select uid, (payload->>'loginTs')::bigint::float8 as login_ts, expires_at,
              array(select jsonb_object_keys(coalesce(payload->'authorizations', '{}'))) as clients
         from artifacts
        where model = ${artifactModels.Session} and account_id = $1 and expires_at > now()
        order by 2 desc`,
      [accountId],
    )
    return rows.map((row) => ({
      id: row.uid,
      accountId,
      signedInAt: new Date(row.login_ts * 1000),
      expiresAt: row.expires_at,
      clients: row.clients,
    }))
  }

  /** Ends it with its grants and refresh tokens, also those that outlive browsers. False when there is none. */
  async end(id: string, by: { actor?: string } = {}): Promise<boolean> {
    const ended = await this.#db.transaction((db) => endSession(db, id, { offlineAccess: 'end', ...by }))
    return ended.sessions > 0
  }
}
