/** Revocations by an administrator: a token, a session, an app, or everything. */
import type { ClientId } from '../../clients/client.ts'
import { kinds, type TokenMarks } from '../../revocation/revocation.ts'
import type { Database, Queryable } from '../connection/database.ts'
import { artifactModels } from '../protocol/artifact-models.ts'
import { endClient, endGrant, endSession } from '../protocol/ending.ts'
import { appendRevocations, PostgresRevocationLog, type RevocationRecord } from './revocation-log.ts'

const { Session, Grant, RefreshToken, AccessToken, ClientCredentials } = artifactModels

/** A token that is no JWT: its content is stored in the database. */
export interface OpaqueToken {
  what: 'refresh token' | 'access token'
  clientId: string | undefined
  accountId: string | undefined
  expiresAt: Date
  isUsed: boolean
}

interface OpaqueRow {
  model: number
  id: Buffer
  grant_id: string | null
  client_id: string | null
  account_id: string | null
  expires_at: Date
  consumed_at: Date | null
}

export class PostgresRevocations {
  readonly #db: Database
  readonly #log: PostgresRevocationLog

  constructor(db: Database) {
    this.#db = db
    this.#log = new PostgresRevocationLog(db)
  }

  async revokeToken(jti: string, by: { actor: string; expiresAt?: Date | undefined }): Promise<void> {
    await this.#log.append([{ kind: kinds.jti, value: jti, cause: 'token.revoked', ...by }])
  }

  /** `sid` is the session's uid or the `sid` that one client knows. An active session ends too. */
  async revokeSession(sid: string, by: { actor: string }): Promise<{ ended: boolean }> {
    const ended = await this.#db.transaction(async (db) => {
      const uid = await uidOf(db, sid)
      const isEnded = uid !== undefined && (await endSession(db, uid, { offlineAccess: 'end', ...by })).sessions > 0
      // Tokens of a session that ended earlier are revoked too. If the session ended just now, no entry is added.
      await appendRevocations(db, [{ kind: kinds.sid, value: sid, cause: 'session.ended', ...by }])
      return isEnded
    })
    return { ended }
  }

  /** Revokes every access token issued so far. Sessions and refresh tokens stay active and yield new ones. */
  revokeAll(issuer: string, by: { actor: string }): Promise<number> {
    return this.#log.append([
      { kind: kinds.issuer, value: issuer, notBefore: 'now', cause: 'issuer.tokens-revoked', ...by },
    ])
  }

  /** Revokes every token that an app holds, with its grants and refresh tokens; the app stays registered. */
  async revokeClient(
    clientId: ClientId,
    by: { actor?: string } = {},
  ): Promise<{ grants: number; refreshTokens: number }> {
    const { grants, refreshTokens } = await this.#db.transaction(async (db) => {
      await db.query('select from clients where id = $1 for no key update', [clientId])
      return endClient(db, clientId, 'client.tokens-revoked', by.actor)
    })
    return { grants, refreshTokens }
  }

  async findOpaque(token: string): Promise<OpaqueToken | undefined> {
    const row = await findOpaqueRow(this.#db, token)
    return row && opaqueTokenOf(row)
  }

  /** A refresh token is revoked with its grant (RFC 7009 §2.1), an access token alone. */
  async revokeOpaque(token: string): Promise<OpaqueToken | undefined> {
    const row = await findOpaqueRow(this.#db, token)
    if (!row) return undefined
    if (row.model === RefreshToken && row.grant_id !== null) {
      const grantId = row.grant_id
      await this.#db.transaction((db) => endGrant(db, grantId))
    } else {
      await this.#db.query('delete from artifacts where model = $1 and id = $2', [row.model, row.id])
    }
    return opaqueTokenOf(row)
  }

  /** Every log entry that revokes a token with these marks. */
  explain(marks: TokenMarks): Promise<RevocationRecord[]> {
    return this.#log.explain(marks)
  }

  /** Is the grant that a token names still active? */
  async isGrantAlive(claim: string): Promise<boolean> {
    const { rowCount } = await this.#db.query(
      `select from artifacts where model = ${Grant} and grant_claim(grant_id) = $1 and expires_at > now()`,
      [claim],
    )
    return rowCount === 1
  }

  longestTokenSeconds(): Promise<number> {
    return this.#log.longestTokenSeconds()
  }
}

async function uidOf(db: Queryable, sid: string): Promise<string | undefined> {
  const { rows } = await db.query<{ uid: string }>(
    `select uid from artifacts
      where model = ${Session} and (uid = $1
         or exists (select from jsonb_each(coalesce(payload->'authorizations', '{}')) as client where client.value->>'sid' = $1))
      limit 1`,
    [sid],
  )
  return rows[0]?.uid
}

async function findOpaqueRow(db: Queryable, token: string): Promise<OpaqueRow | undefined> {
  const { rows } = await db.query<OpaqueRow>(
    `select model, id, grant_id, expires_at, consumed_at, payload->>'clientId' as client_id, payload->>'accountId' as account_id
       from artifacts
      where model in (${RefreshToken}, ${AccessToken}, ${ClientCredentials}) and id = sha256(convert_to($1, 'UTF8'))`,
    [token],
  )
  return rows[0]
}

const opaqueTokenOf = (row: OpaqueRow): OpaqueToken => ({
  what: row.model === RefreshToken ? 'refresh token' : 'access token',
  clientId: row.client_id ?? undefined,
  accountId: row.account_id ?? undefined,
  expiresAt: row.expires_at,
  isUsed: row.consumed_at !== null,
})
