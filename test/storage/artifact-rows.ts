import { randomBytes } from 'node:crypto'
import type { Queryable } from '../../src/storage/connection/database.ts'
import { type ArtifactModel, artifactModels } from '../../src/storage/protocol/artifact-models.ts'

/** A row of protocol state as far as tests of endings look at it. */
export interface ArtifactSketch {
  model: ArtifactModel
  accountId?: string
  grantId?: string
  clientId?: string
  uid?: string
  sessionUid?: string
  scope?: string
  /** Of a session: grants by client. */
  grants?: Record<string, string>
  expired?: boolean
}

export async function insertArtifacts(db: Queryable, sketches: readonly ArtifactSketch[]): Promise<void> {
  for (const { model, grants = {}, ...sketch } of sketches) {
    const authorizations = Object.fromEntries(
      Object.entries(grants).map(([client, grantId]) => [client, { grantId, sid: client }]),
    )
    const payload = {
      sessionUid: sketch.sessionUid,
      scope: sketch.scope,
      ...(model === 'Session' ? { authorizations } : {}),
    }
    await db.query(
      `insert into artifacts (model, id, payload, grant_id, account_id, client_id, uid, expires_at)
       values ($1, $2, $3, $4, $5, $6, $7, now() + make_interval(hours => $8))`,
      [
        artifactModels[model],
        randomBytes(32),
        payload,
        sketch.grantId ?? null,
        sketch.accountId ?? null,
        sketch.clientId ?? null,
        sketch.uid ?? null,
        sketch.expired ? -1 : 1,
      ],
    )
  }
}

/** What is left, each as `Model:grant-or-session`. */
export async function artifactsLeft(db: Queryable): Promise<string[]> {
  const { rows } = await db.query<{
    model: number
    grant_id: string | null
    uid: string | null
    session: string | null
  }>(`select model, grant_id, uid, payload->>'sessionUid' as session from artifacts`)
  const nameOf = (model: number) => Object.entries(artifactModels).find(([, number]) => number === model)?.[0]
  return rows
    .map(
      ({ model, grant_id, uid, session }) => `${nameOf(model)}:${[grant_id ?? uid, session].filter(Boolean).join('/')}`,
    )
    .sort()
}
