/** Values that are valid alone and contradict each other, or are too weak for production. */
import type { Config } from './config.ts'

type Settings = Omit<Config, 'described'>

/** Connections of the embedded Postgres for this program, without those reserved for commands. */
const embeddedConnections = 90

interface Rule {
  holds(config: Settings): boolean
  fault: string
}

const always: readonly Rule[] = [
  {
    holds: (config) => config.refreshTokenIdleSeconds <= config.refreshTokenSeconds,
    fault: 'CLAVIGER_REFRESH_TOKEN_IDLE_TTL must not be longer than CLAVIGER_REFRESH_TOKEN_TTL',
  },
  {
    holds: (config) => config.sessionIdleSeconds <= config.sessionSeconds,
    fault: 'CLAVIGER_SESSION_IDLE_TTL must not be longer than CLAVIGER_SESSION_TTL',
  },
  {
    holds: (config) => config.accessTokenSeconds <= config.refreshTokenSeconds,
    fault: 'CLAVIGER_ACCESS_TOKEN_TTL must not be longer than CLAVIGER_REFRESH_TOKEN_TTL',
  },
  {
    holds: (config) => config.keyPublishLeadSeconds < config.keyRotationIntervalSeconds,
    fault:
      'CLAVIGER_KEY_PUBLISH_LEAD must be shorter than CLAVIGER_KEY_ROTATION_INTERVAL: the next key is published while the current key signs',
  },
  {
    holds: (config) => config.pkcs11Module === undefined || config.pkcs11Pin !== undefined,
    fault: 'CLAVIGER_PKCS11_PIN must be set where CLAVIGER_PKCS11_MODULE is',
  },
  {
    holds: (config) => config.pkcs11Module === undefined || config.signerSocket === undefined,
    fault: 'CLAVIGER_PKCS11_MODULE and CLAVIGER_SIGNER_SOCKET must not both be set: keys have one location',
  },
  {
    holds: (config) => config.keyHoldSeconds < config.keyRotationIntervalSeconds,
    fault:
      'CLAVIGER_KEY_PROMOTION_HOLD must be shorter than CLAVIGER_KEY_ROTATION_INTERVAL: otherwise one verifier that never fetches the key set could delay every rotation',
  },
  {
    holds: ({ managementPort, port, managementHost, host }) =>
      managementPort === undefined || managementPort === 0 || managementPort !== port || managementHost !== host,
    fault: 'CLAVIGER_MANAGEMENT_PORT must differ from the port that the provider listens on',
  },
  {
    holds: (config) => config.databaseDirectUrl === undefined || config.databaseUrl !== undefined,
    fault: 'CLAVIGER_DATABASE_DIRECT_URL needs DATABASE_URL: it names the same database without the pooler',
  },
  {
    holds: (config) =>
      config.databaseUrl !== undefined || config.workers * (config.databasePoolSize + 2) <= embeddedConnections,
    fault: `CLAVIGER_WORKERS times CLAVIGER_DATABASE_POOL_SIZE is more than the embedded Postgres accepts (about ${embeddedConnections} connections): lower one of them, or set DATABASE_URL`,
  },
]

/** Short times are for tests. In production they would break verifiers that cache a key set for minutes. */
const inProduction: readonly Rule[] = [
  {
    holds: (config) => config.keyPublishLeadSeconds >= 600,
    fault: 'CLAVIGER_KEY_PUBLISH_LEAD must be at least 10m in production: verifiers cache a key set that long',
  },
  {
    holds: (config) => config.keyRotationIntervalSeconds >= 3_600,
    fault: 'CLAVIGER_KEY_ROTATION_INTERVAL must be at least 1h in production',
  },
]

export const contradictions = (config: Settings): string[] =>
  [...always, ...(config.production ? inProduction : [])]
    .filter(({ holds }) => !holds(config))
    .map(({ fault }) => fault)
