/** Everything that a command needs, opened on the deployment's database. */
import type { Desk, OpenDesk } from '../cli/desk.ts'
import { AttemptThrottle } from '../credentials/attempt-throttle.ts'
import { PasswordHasher } from '../credentials/password-hasher.ts'
import { importBatchSize, importPeople } from '../credentials/people-import.ts'
import { bringUpToDate, type Deployment, openDeployment } from '../deployment/deployment.ts'
import { createEvents } from '../events/create-events.ts'
import { createLog } from '../events/log.ts'
import { createMetrics } from '../events/metrics.ts'
import { createRecord } from '../events/record.ts'
import { PostgresApiStore } from '../storage/apps/api-store.ts'
import { PostgresClientStore } from '../storage/apps/client-store.ts'
import { PostgresAuditLog } from '../storage/audit/audit-log.ts'
import { PostgresSubjectNames } from '../storage/audit/subject-names.ts'
import { connectionRoom, roleRights } from '../storage/connection/connection-room.ts'
import type { Database } from '../storage/connection/database.ts'
import { examineRoutes, refuseSharedSession } from '../storage/connection/pooler.ts'
import { askNodes } from '../storage/connection/running-nodes.ts'
import { refuseUnwritable, serverPlaceOf } from '../storage/connection/server-place.ts'
import { PostgresAccountStore } from '../storage/people/account-store.ts'
import { PostgresAttemptStore } from '../storage/people/attempt-store.ts'
import { PostgresPasswordStore } from '../storage/people/password-store.ts'
import { PostgresPeopleImport } from '../storage/people/people-import.ts'
import { PostgresBrowserSessions } from '../storage/protocol/browser-sessions.ts'
import { PostgresRevocationLog } from '../storage/revocation/revocation-log.ts'
import { PostgresRevocations } from '../storage/revocation/revocations.ts'
import { PostgresTokenLedger } from '../storage/revocation/token-ledger.ts'
import { appliedMigrations, migrate, planUpgrade } from '../storage/schema/migrations.ts'
import { openDeskKeyring } from './keyring.ts'
import { performOn } from './operations.ts'
import { openDeskPreview } from './preview.ts'
import { openDeskSecrets } from './secrets.ts'
import { openDeskStreams } from './streams.ts'

const confirmed = async (db: Database) => askNodes(db, (await new PostgresRevocationLog(db).advance()).seq)

export const openDesk: OpenDesk = async (env) => {
  const deployment = await openDeployment(env, { role: 'command', onTrouble: () => {} })
  try {
    // Only Claviger uses the embedded database, so a command may migrate it in a new folder.
    if (deployment.database.isEmbedded && !deployment.config.production) await bringUpToDate(deployment)
    return deskOn(deployment)
  } catch (error) {
    await deployment.close()
    throw error
  }
}

function deskOn(deployment: Deployment): Desk {
  const { config, db, database } = deployment
  const audit = new PostgresAuditLog(db)
  // The command's output already reports the event; a log line would repeat it.
  const log = createLog({
    level: config.logLevel === 'debug' ? 'debug' : 'warn',
    production: config.production,
    immediate: true,
  })
  const eventNeeds = { audit, log, metrics: createMetrics({ processMetrics: false }) }
  const events = createEvents(eventNeeds)
  const passwords = new PostgresPasswordStore(db)
  const hasher = new PasswordHasher({ queueLimit: importBatchSize })
  const throttle = new AttemptThrottle(new PostgresAttemptStore(db))

  const publish = async () => void (await new PostgresRevocationLog(db).advance().catch(() => undefined))

  return {
    config,
    accounts: new PostgresAccountStore(db),
    passwords: {
      hash: (password) => hasher.hash(password),
      set: (accountId, hash, by) => passwords.set(accountId, hash, by),
    },
    imports: {
      people: (lines, options) =>
        importPeople(
          { store: new PostgresPeopleImport(db), hasher, record: events.record, flush: () => audit.flush() },
          lines,
          options,
        ),
    },
    attempts: { forget: (account) => throttle.forget(account) },
    clients: new PostgresClientStore(db),
    apis: new PostgresApiStore(db),
    keyring: openDeskKeyring(deployment, events),
    secrets: openDeskSecrets(deployment, events),
    sessions: new PostgresBrowserSessions(db),
    revocations: new PostgresRevocations(db),
    ledger: new PostgresTokenLedger(db),
    streams: openDeskStreams(db, config.issuer),
    preview: openDeskPreview(deployment),
    operations: performOn(db, createRecord({ ...eventNeeds, audit: { write: () => {} } })),
    audit,
    names: new PostgresSubjectNames(db),
    migrations: {
      async status() {
        const applied = (await appliedMigrations(db)).map(({ name, at }) => ({ name, at }))
        const { pending, ahead } = await planUpgrade(db)
        return { applied, pending: pending.map(({ name }) => name), ahead }
      },
      async apply() {
        refuseSharedSession(await examineRoutes(database), database)
        return migrate(database)
      },
    },
    connections: {
      routes: () => examineRoutes(database),
      room: () => connectionRoom(db),
      rights: () => roleRights(db),
    },
    database: {
      async describe() {
        const { rows } = await db.query<{ version: string; now: Date }>(
          `select current_setting('server_version') as version, clock_timestamp() as now`,
        )
        const [row] = rows
        return {
          version: row?.version ?? '',
          now: row?.now ?? new Date(),
          where: database.where,
          embedded: database.isEmbedded,
        }
      },
      refuseUnwritable: async () => refuseUnwritable(await serverPlaceOf(db), database.where),
    },
    nodes: {
      confirm: () => confirmed(db).catch(() => ({ confirmed: 0, silent: [] })),
    },
    publish,
    async close() {
      await audit.flush()
      // Without an open connection nothing was revoked, so no connection is opened to publish.
      if (db.load.total > 0) await publish()
      await log.close()
      await deployment.close()
    },
  }
}
