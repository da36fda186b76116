/** The log of revocations on one node: read continuously, and published to verifiers. */
import type { Deployment } from '../deployment/deployment.ts'
import type { Log } from '../events/log.ts'
import type { DeploymentSecrets } from '../keyring/secrets/deployment-secrets.ts'
import type { DatabaseClock } from '../revocation/database-clock.ts'
import { Feed } from '../revocation/feed.ts'
import { openFeedKeys } from '../revocation/feed-keys.ts'
import { feedOf } from '../revocation/frames.ts'
import { LiveLog } from '../revocation/live-log.ts'
import { openDatabase } from '../storage/connection/database.ts'
import type { PrimaryWatch } from '../storage/connection/primary-watch.ts'
import { PostgresRevocationLog } from '../storage/revocation/revocation-log.ts'

export interface NodeRevocationsNeeds {
  log: Pick<Log, 'error' | 'info'>
  deployment: Deployment
  secrets: DeploymentSecrets
  changes: { on(topic: 'secrets', listener: () => Promise<void>): void; onRevoked(listener: () => void): void }
  jwksVersion(): string
  trouble(what: string): (error: unknown) => void
}

export type NodeRevocations = Awaited<ReturnType<typeof openRevocations>>

export async function openRevocations({
  deployment,
  secrets,
  changes,
  jwksVersion,
  trouble,
  log: journal,
}: NodeRevocationsNeeds) {
  const { config, database, primary } = deployment
  // A separate connection, so that revocations never wait behind requests.
  const db = openDatabase({
    url: database.url,
    poolSize: 1,
    applicationName: 'claviger revocations',
    statementTimeoutMs: 5_000,
    onConnectionLost: trouble('The database connection of the log of revocations was lost; reconnecting'),
    primary,
  })
  const log = new PostgresRevocationLog(db)
  await log.settle(config.accessTokenSeconds)
  const live = await LiveLog.start({
    log,
    onTrouble: trouble('The log of revocations could not be read; retrying'),
    isProven: () => primary.isProven,
    settle: () => log.settle(config.accessTokenSeconds),
  })
  followPrimary(primary, live)
  changes.onRevoked(() => void live.look())
  let keys = await openFeedKeys(secrets)
  const listeners = new Set<() => void>()
  changes.on('secrets', async () => {
    const before = keys.next.kid
    keys = await openFeedKeys(secrets)
    if (keys.next.kid !== before) for (const listener of listeners) listener()
  })
  const feed = new Feed({ log: live, issuer: config.issuer, keys: () => keys, jwksVersion })
  const watching = watchClock(live.clock, journal)
  return {
    live,
    feed,
    /** Has this node read the log within the last two seconds? */
    isCurrent: () => live.ageMs < lateMs,
    /** For metrics. */
    state: () => ({
      ...feed.progress,
      seq: live.head.seq,
      alive: live.size,
      ageSeconds: live.ageMs / 1000,
      clockOffsetSeconds: live.clock.offsetMs / 1000,
    }),
    /** Call after a revocation on this node: reads the log at once. */
    revoked: () => void live.look(),
    metadata: () => ({
      revocation_feed_endpoint: feedOf(config.issuer),
      revocation_feed_jwks: { keys: [keys.current.publicJwk, keys.next.publicJwk] },
    }),
    /** Called after the feed keys change, because the discovery document contains them. */
    onKeysChanged: (listener: () => void) => void listeners.add(listener),
    async stop() {
      clearInterval(watching)
      feed.close()
      await live.stop()
      await db.close()
    },
  }
}

/** Maximum age of the last read of the log for which this node counts as current. */
const lateMs = 2_000

/** After a move the log of the new server is read in full. Commands learn how far this node has read the log. */
function followPrimary(primary: PrimaryWatch, live: LiveLog): void {
  primary.onMoved(() => {
    live.doubt()
    void live.look()
  })
  primary.answersWith(async () => {
    await live.look()
    return live.ageMs < lateMs ? { epoch: live.head.epoch, seq: live.head.seq } : undefined
  })
}

/** Logs once when this machine's clock becomes wrong, and once when it is right again. */
function watchClock(clock: DatabaseClock, log: Pick<Log, 'error' | 'info'>): NodeJS.Timeout {
  let wasOff = false
  const look = () => {
    if (clock.isOff === wasOff) return
    wasOff = clock.isOff
    const about = { event: 'clock.off', offsetSeconds: clock.offsetMs / 1000 }
    if (wasOff)
      log.error(about, "This machine's clock differs from the database's; no tokens are issued until it is corrected")
    else log.info({ ...about, event: 'clock.right' }, "This machine's clock is right again; tokens are issued")
  }
  look()
  return setInterval(look, 1_000).unref()
}
