/**
 * What commands find on their desk: the stores and services they act on,
 * opened by the roof (`compose.ts`) on the deployment's database. Nothing here
 * needs a running server, and whatever is changed here reaches running nodes
 * through the database.
 */
import type { AccountId } from '../accounts/account.ts'
import type { AccountStore, Ended } from '../accounts/account-store.ts'
import type { ApiStore, ClientStore } from '../clients/client-store.ts'
import type { Config } from '../config/config.ts'
import type { AttemptThrottle } from '../credentials/attempt-throttle.ts'
import type { AuditEntry, AuditLog } from '../events/events.ts'
import type { Keyring } from '../keyring/keyring.ts'

/** Opening it does not touch tables: it works on an empty or outdated schema, so that `migrate` and `doctor` can run. */
export interface Desk {
  config: Config
  accounts: AccountStore
  passwords: DeskPasswords
  /** Forgets the failed sign-ins counted against this person, wherever they came from. */
  attempts: Pick<AttemptThrottle, 'forget'>
  clients: ClientStore
  apis: ApiStore
  keyring: DeskKeyring
  sessions: DeskSessions
  audit: AuditLog
  events: DeskEvents
  migrations: DeskMigrations
  database: DeskDatabase
  /** Flushes the audit log, ends connections, and stops the embedded database if this command started it. */
  close(): Promise<void>
}

export type OpenDesk = (env: NodeJS.ProcessEnv) => Promise<Desk>

export interface DeskPasswords {
  /** A PHC string. What a password must be is checked before, by `checkNewPassword`. */
  hash(password: string): Promise<string>
  /** Ends every session, grant and token of the account with it. */
  set(accountId: AccountId, hash: string): Promise<Ended>
}

/** The part of the keyring that commands use; it writes to the audit log itself. */
export type DeskKeyring = Pick<
  Keyring,
  | 'list'
  | 'nextRotationAt'
  | 'fingerprints'
  | 'schedule'
  | 'proof'
  | 'publicJwks'
  | 'rotate'
  | 'revoke'
  | 'revokeAll'
  | 'remove'
  | 'import'
>

/** One browser session. `id` is its uid; nothing here opens it. */
export interface SessionRow {
  id: string
  accountId: AccountId
  signedInAt: Date
  expiresAt: Date
  clients: readonly string[]
}

export interface DeskSessions {
  list(accountId: AccountId): Promise<SessionRow[]>
  /** Ends it with its grants and refresh tokens. False when there is no such session. */
  end(id: string): Promise<boolean>
}

/** Writes to the audit log as this command's Unix user. */
export interface DeskEvents {
  record(entry: AuditEntry): void
}

export interface MigrationStatus {
  applied: { name: string; at: Date }[]
  pending: string[]
}

export interface DeskMigrations {
  status(): Promise<MigrationStatus>
  /** Under an advisory lock. Returns the names applied by this call. */
  apply(): Promise<string[]>
}

export interface DeskDatabase {
  /** Its version, its clock, and where it is, without credentials. @throws Failure `database_unavailable`. */
  describe(): Promise<{ version: string; now: Date; where: string; embedded: boolean }>
}

/** What `start` shows in development mode; in production `serve` logs instead. */
export interface Welcome {
  issuer: string
  /** False in production: nothing is printed then. */
  development: boolean
  hasAdmin: boolean
  clients: number
  /** Where the data lives: a folder, or host and database name. */
  database: string
}

export interface Serving {
  welcome: Welcome
  /** Resolves once the server has stopped after a signal; rejects when it cannot go on. */
  stopped: Promise<void>
}

/** Starts serving and handles SIGTERM and SIGINT itself. */
export type Serve = (env: NodeJS.ProcessEnv, options: { port?: number; workers?: number }) => Promise<Serving>
