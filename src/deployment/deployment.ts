/** Configuration and database of a deployment. The server and every command open them. */
import { type Config, readConfig } from '../config/config.ts'
import { ensureKeyEncryptionKey, readKeyEncryptionKeys } from '../config/key-encryption-key.ts'
import { Failure } from '../errors/failure.ts'
import { algorithmsInUse } from '../keyring/cycle/algorithms.ts'
import type { KeyTimes } from '../keyring/cycle/key-times.ts'
import { Envelope } from '../keyring/vaults/envelope.ts'
import { type Database, openDatabase } from '../storage/connection/database.ts'
import { examineRoutes, refuseForgetfulPooler, refuseSharedSession } from '../storage/connection/pooler.ts'
import { PrimaryWatch } from '../storage/connection/primary-watch.ts'
import { type EmbeddedOptions, joinOrStart } from '../storage/embedded/embedded-postgres.ts'
import { migrate, planUpgrade } from '../storage/schema/migrations.ts'

export interface Deployment {
  config: Config
  database: { url: string; directUrl: string | undefined; isEmbedded: boolean; where: string }
  db: Database
  /** Watches `db` and other registered connections after a node starts it. */
  primary: PrimaryWatch
  /** Closes the pool, and stops the embedded database if no other process uses it. */
  close(): Promise<void>
}

/** Longest lifetime of an API's tokens (`apis add --ttl`); every retired key must stay published as long. */
const longestApiTokenSeconds = 86_400

export const keyTimesOf = (config: Config): KeyTimes => ({
  rotationIntervalSeconds: config.keyRotationIntervalSeconds,
  publishLeadSeconds: config.keyPublishLeadSeconds,
  longestTokenSeconds: longestApiTokenSeconds,
  longestSessionSeconds: config.sessionSeconds,
  skewSeconds: 60,
})

export const algorithmsOf = (config: Pick<Config, 'signingAlgorithms'>) => algorithmsInUse(config.signingAlgorithms)

export async function openDeployment(
  env: NodeJS.ProcessEnv,
  options: { role: EmbeddedOptions['role']; onTrouble(error: unknown): void },
): Promise<Deployment> {
  const config = readConfig(env)
  const embedded = config.databaseUrl === undefined ? await joinOrStart(config.dataDir, options) : undefined
  const url = config.databaseUrl ?? embedded?.url ?? ''
  const where = embedded ? config.dataDir : placeOf(url)
  const primary = new PrimaryWatch({ url }, where)
  const db = openDatabase({ url, poolSize: config.databasePoolSize, onConnectionLost: options.onTrouble, primary })
  return {
    config,
    database: { url, directUrl: config.databaseDirectUrl, isEmbedded: embedded !== undefined, where },
    db,
    primary,
    async close() {
      await db.close()
      await embedded?.stop()
    },
  }
}

/** Host and name of a database, without its credentials. */
function placeOf(url: string): string {
  const { hostname: host, port, pathname, searchParams } = new URL(url)
  return `${searchParams.get('host') ?? host}${port ? `:${port}` : ''}${pathname}`
}

/** @throws Failure `database_pooler`, `database_mismatch` if a pooler does not keep what Claviger needs */
export async function refusePooler({ database }: Deployment): Promise<void> {
  if (database.isEmbedded) return
  const routes = await examineRoutes(database)
  refuseForgetfulPooler(routes)
  refuseSharedSession(routes, database)
}

/**
 * Outside production this applies missing migrations; in production an operator
 * runs them. Returns the applied migrations of a newer release.
 * @throws Failure `migrations_pending`
 */
export async function bringUpToDate({ config, database, db }: Deployment): Promise<string[]> {
  const { pending, ahead } = await planUpgrade(db)
  if (pending.length === 0) return ahead
  const names = pending.map(({ name }) => name)
  if (config.production) {
    throw new Failure(
      'migrations_pending',
      'conflict',
      `The database lacks the migrations ${names.join(', ')}. Run \`claviger migrate\` once, then start again.`,
      { detail: { pending: names } },
    )
  }
  await migrate(database)
  return ahead
}

/** Outside production the first use creates the key-encryption key. */
export async function openEnvelope(config: Config): Promise<Envelope> {
  await ensureKeyEncryptionKey(config)
  return Envelope.open(() => readKeyEncryptionKeys(config))
}
