/** The log of revocations on one node: followed, and fed to verifiers. */
import type { Deployment } from './deployment.ts'
import type { DeploymentSecrets } from './keyring/deployment-secrets.ts'
import { Feed } from './revocation/feed.ts'
import { openFeedKeys } from './revocation/feed-keys.ts'
import { feedOf } from './revocation/frames.ts'
import { LiveLog } from './revocation/live-log.ts'
import { openDatabase } from './storage/database.ts'
import { PostgresRevocationLog } from './storage/postgres-revocation-log.ts'

export interface NodeRevocationsNeeds {
  deployment: Deployment
  secrets: DeploymentSecrets
  changes: { on(topic: 'secrets', listener: () => Promise<void>): void }
  jwksVersion(): string
  trouble(what: string): (error: unknown) => void
}

export type NodeRevocations = Awaited<ReturnType<typeof openRevocations>>

export async function openRevocations({ deployment, secrets, changes, jwksVersion, trouble }: NodeRevocationsNeeds) {
  const { config, database } = deployment
  // A connection of its own: what is revoked must not wait behind what people do.
  const db = openDatabase({
    url: database.url,
    poolSize: 1,
    applicationName: 'claviger revocations',
    statementTimeoutMs: 5_000,
    onConnectionLost: trouble('The connection to the log of revocations was lost'),
  })
  const log = new PostgresRevocationLog(db)
  await log.settle(config.accessTokenSeconds)
  const now = () => new Date()
  const live = await LiveLog.start({
    log,
    now,
    onTrouble: trouble('The log of revocations cannot be read for a moment'),
  })
  let keys = await openFeedKeys(secrets)
  const listeners = new Set<() => void>()
  changes.on('secrets', async () => {
    const before = keys.next.kid
    keys = await openFeedKeys(secrets)
    if (keys.next.kid !== before) for (const listener of listeners) listener()
  })
  const feed = new Feed({ log: live, issuer: config.issuer, keys: () => keys, jwksVersion, now })
  return {
    live,
    feed,
    /** Something was revoked here: looked at without waiting for the next look. */
    revoked: () => void live.look(),
    metadata: () => ({
      revocation_feed_endpoint: feedOf(config.issuer),
      revocation_feed_jwks: { keys: [keys.current.publicJwk, keys.next.publicJwk] },
    }),
    /** Discovery names the keys, so it has to be made anew. */
    onKeysChanged: (listener: () => void) => void listeners.add(listener),
    async stop() {
      feed.close()
      await live.stop()
      await db.close()
    },
  }
}
