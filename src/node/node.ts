/** One serving process: connects all rooms, starts them in order and stops them in reverse order. */
import { availableParallelism } from 'node:os'
import { createRegisteredOrigins } from '../clients/registered-origins.ts'
import type { Config } from '../config/config.ts'
import { AttemptThrottle } from '../credentials/attempt-throttle.ts'
import { passwordAcr } from '../credentials/credentials.ts'
import { KnownBrowsers } from '../credentials/known-browser.ts'
import { PasswordHasher } from '../credentials/password-hasher.ts'
import { signIn } from '../credentials/sign-in.ts'
import type { Deployment } from '../deployment/deployment.ts'
import { endWithin } from '../deployment/last-moment.ts'
import { createAccessLog } from '../events/access-log.ts'
import { createEvents } from '../events/create-events.ts'
import type { Log } from '../events/log.ts'
import { createMetrics } from '../events/metrics.ts'
import { createClientDirectory } from '../oidc/client-directory.ts'
import { createOidc } from '../oidc/oidc.ts'
import { feedAccess } from '../oidc/tokens/feed-access.ts'
import { createGuardedFetch } from '../outbound/outbound.ts'
import { refuseWrongClock } from '../revocation/database-clock.ts'
import { PostgresApiStore } from '../storage/apps/api-store.ts'
import { PostgresClientStore } from '../storage/apps/client-store.ts'
import { PostgresAuditLog } from '../storage/audit/audit-log.ts'
import { Changes } from '../storage/connection/changes.ts'
import { PostgresAccountStore } from '../storage/people/account-store.ts'
import { PostgresAttemptStore } from '../storage/people/attempt-store.ts'
import { PostgresPasswordStore } from '../storage/people/password-store.ts'
import { PostgresConsentStore } from '../storage/protocol/consent-store.ts'
import { PostgresModelStore } from '../storage/protocol/model-store.ts'
import { countExpired } from '../storage/upkeep/housekeeping.ts'
import { createOidcPages } from '../web/pages/oidc-pages.ts'
import { createPages } from '../web/pages/pages.ts'
import { createDocuments } from '../web/server/documents.ts'
import { drained, listen, longestRequestMs } from '../web/server/http-server.ts'
import { createListener } from '../web/server/listener.ts'
import { createManagement } from '../web/server/management.ts'
import { createWeb } from '../web/web.ts'
import { startJobs } from './jobs.ts'
import { followKeys, openKeys } from './keys.ts'
import { openLedger } from './ledger.ts'
import { deliverLogouts } from './logouts.ts'
import { reportPrimary } from './primary.ts'
import { openRevocations } from './revocations.ts'
import { openSignals } from './signals.ts'

export interface Node {
  /** Fails readiness first, then finishes open requests, then closes connections. */
  stop(): Promise<void>
}

const now = () => new Date()

/** Started parts are stopped in reverse order, even if a later step of the start fails. */
export async function startNode(deployment: Deployment, log: Log): Promise<Node> {
  const started = new AsyncDisposableStack()
  try {
    return await start(deployment, log, started)
  } catch (error) {
    endWithin(shutdownMs, 'stopping after a failed start', log, error)
    await started.disposeAsync()
    throw error
  }
}

async function start(deployment: Deployment, log: Log, started: AsyncDisposableStack): Promise<Node> {
  const { config, db, database, primary } = deployment
  const trouble = (what: string) => (error: unknown) => log.warn({ error }, what)

  const metrics = createMetrics()
  const audit = new PostgresAuditLog(db, {
    onTrouble: trouble('Audit log cannot be written; entries are buffered and retried'),
  })
  started.defer(() => audit.close())
  const events = createEvents({ audit, log, metrics })

  // No data is read before the database is proven to be the primary.
  await primary.start(reportPrimary(log))
  started.defer(() => primary.stop())

  // The watch starts before any read, so that no change is missed.
  const changes = new Changes({
    database: { ...database, primary },
    onTrouble: trouble('Changes in the database could not be read; retrying within 1 s'),
  })
  started.defer(() => changes.stop())
  await changes.start()

  const keys = await openKeys(deployment, changes, events, trouble)
  started.defer(() => keys.stop())
  const clients = new PostgresClientStore(db)
  const apis = new PostgresApiStore(db)
  const accounts = new PostgresAccountStore(db)
  const directory = createClientDirectory(clients, apis)
  const origins = createRegisteredOrigins(clients)
  changes.on('clients', () => {
    directory.drop()
    origins.drop()
  })

  const revocations = await openRevocations({
    deployment,
    secrets: keys.secrets,
    changes,
    jwksVersion: () => keys.live.current().version,
    trouble,
    log,
  })
  started.defer(() => revocations.stop())
  const ledger = await openLedger({ deployment, log: revocations.live, keys: () => keys.live.current() })

  const fetch = createGuardedFetch({ allowed: config.outboundAllowed })
  const signals = await openSignals({ deployment, keys, revocations, accounts, directory, events, fetch, trouble })
  started.defer(() => signals.close())

  const consents = new PostgresConsentStore(db, revocations.revoked)
  const formKey = await keys.secrets.secret('form')
  const pages = createPages(config, { key: formKey, now })
  const oidc = await createOidc(
    {
      config,
      models: new PostgresModelStore(db, revocations.revoked, events.replayEnded),
      accounts,
      directory,
      consents,
      origins,
      pages: createOidcPages(pages),
      events,
      cookieKeys: () => keys.cookies.current(),
      secrets: {
        dpopNonce: Buffer.from(await keys.secrets.secret('dpop-nonce')),
        csrf: await keys.secrets.secret('csrf'),
      },
      locales: pages.locales,
      acrValues: [passwordAcr],
      issueSecond: (marks, notBefore) => revocations.live.issueSecond(marks, notBefore),
      fetch,
      assertMayIssue() {
        primary.assertProven()
        refuseWrongClock(revocations.live.clock)
      },
      canaryAnswered(request) {
        keys.canary.count(request)
        metrics.canaryAnswered(request)
      },
      nextStatusPlace: ledger.nextPlace,
      furtherMetadata: () => ({ ...revocations.metadata(), ...ledger.metadata(), ...signals.metadata }),
    },
    keys.live.current(),
  )

  const hasher = new PasswordHasher({ concurrency: Math.max(1, Math.min(2, availableParallelism() - 1)) })
  const passwords = new PostgresPasswordStore(db)
  const deviceKey = await keys.secrets.secret('known-browser')
  const knownBrowsers = new KnownBrowsers({ keys: () => [deviceKey], now })
  const signInNeeds = {
    passwords,
    hasher,
    throttle: new AttemptThrottle(new PostgresAttemptStore(db)),
    knownBrowsers,
    events: { succeeded: events.signInSucceeded, rejected: events.signInRejected },
  }

  let isDraining = false
  const health = {
    isDraining: () => isDraining,
    check: async () => ({
      database: await isAnswering(deployment),
      signingKey: keys.live.current().algorithms.length > 0,
      clock: !revocations.live.clock.isOff,
      primary: primary.isProven,
      notifications: changes.isListening,
      revocations: revocations.isCurrent(),
    }),
  }
  const web = createWeb({
    config,
    pages,
    oidc,
    interactions: oidc.interactions,
    signIn: (attempt) => signIn(signInNeeds, attempt),
    accounts,
    clients: directory,
    consents,
    events,
    knownBrowsers,
    currentSession: (ctx) => oidc.currentSession(ctx),
    corsOrigins: origins,
    health,
    log,
    accessLog: createAccessLog(log),
    metrics,
    cookieKeys: keys.cookies.current(),
    formKey,
    now,
    signals: signals.routes,
    globalRevocation: signals.globalRevocation,
    revocationFeed: {
      feed: revocations.feed,
      meter: metrics.feed,
      access: (authorization) =>
        feedAccess(authorization, {
          issuer: config.issuer,
          directory,
          keys: () => keys.live.current(),
          isRevoked: (marks) => revocations.live.voids(marks),
        }),
    },
    statusLists: ledger.statusLists,
  })
  const documents = createDocuments({
    keys: () => keys.live.current(),
    discovery: () => oidc.discovery(),
    signals: signals.document,
  })
  followKeys(
    keys,
    oidc,
    web,
    trouble('New keys could not be put into use; retrying at the next key change'),
    revocations.onKeysChanged,
  )

  const learnPace = () =>
    passwords
      .importedExamples()
      .then((examples) => hasher.learnPace(examples))
      .catch(trouble('Examples of imported hashes could not be measured; retrying in 10 minutes'))
  void learnPace()
  const learning = setInterval(learnPace, paceMs).unref()
  started.defer(() => clearInterval(learning))

  const timetable = startJobs({ deployment, keys, revocations, ledger, signals, log })
  started.defer(() => timetable.stop())
  const courier = deliverLogouts({ deployment, keys: keys.live, fetch, events, metrics, trouble })
  started.defer(() => courier.stop())
  metrics.watch({
    hashQueue: () => ({ running: hasher.running, waiting: hasher.depth }),
    auditBuffered: () => audit.state.buffered,
    auditDropped: () => audit.state.dropped,
    databaseConnections: () => db.load,
    cleanupBacklog: () => countExpired(db, now()),
    // These come from memory, so they stay readable while the database is unavailable.
    keys: () => keys.live.ages(),
    revocations: revocations.state,
    eventStreams: signals.lag,
  })
  if (config.managementPort !== undefined) {
    const management = createManagement({ health, registry: metrics.registry, log })
    const server = await listen(management, config.managementPort, config.managementHost, 'CLAVIGER_MANAGEMENT_PORT')
    started.defer(() => drained(server, 0))
  }
  // When this runs, requests have finished; only connections and jobs are left to close.
  started.defer(() => endWithin(shutdownMs, 'closing', log))
  const jwksServed = (target: string) => metrics.jwksFetched(keys.counter.count(target))
  const server = await listen(
    createListener(web, { pages, documents, health, metrics, jwksServed }),
    config.port,
    config.host,
  )
  started.defer(() => drained(server, noticeOf(config)))
  // Feed streams and long polls stay open until they are closed here.
  started.defer(() => revocations.feed.close())
  started.defer(() => signals.stop())
  log.info({ issuer: config.issuer, host: config.host, port: config.port }, 'Serving')

  return {
    async stop() {
      isDraining = true
      await started.disposeAsync()
    },
  }
}

/** How often a node measures imported hashes: imports add hashes, and sign-ins replace them. */
const paceMs = 10 * 60_000

/** In production the load balancer gets time to notice the failing readiness check; development has no load balancer. */
const noticeOf = ({ production }: Pick<Config, 'production'>) => (production ? 5_000 : 0)

/** Limit for ending jobs, writing events and closing connections after the last request. The database may not answer. */
export const shutdownMs = 4_000

/** The longest that a stop may take. */
export const stopMs = (config: Pick<Config, 'production'>) => noticeOf(config) + longestRequestMs + shutdownMs

async function isAnswering({ db }: Deployment): Promise<boolean> {
  return db.query('select 1').then(
    () => true,
    () => false,
  )
}
