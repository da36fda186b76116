/**
 * The desk of the commands: the stores and services that they use, opened by
 * the roof on the deployment's database. A command needs no running server;
 * running nodes see its changes through the database.
 */
import type { Account, AccountId } from '../accounts/account.ts'
import type { AccountStore, Ended } from '../accounts/account-store.ts'
import type { Client } from '../clients/client.ts'
import type { ApiStore, ClientStore } from '../clients/client-store.ts'
import type { Config } from '../config/config.ts'
import type { AttemptThrottle } from '../credentials/attempt-throttle.ts'
import type { ImportLine, ImportOutcome, PeopleImportOptions } from '../credentials/people-import.ts'
import type { AuditLog, SubjectNames } from '../events/events.ts'
import type { BlastRadius } from '../keyring/cycle/blast-radius.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { PerformNeeds } from '../operations/operations.ts'
import type { LedgerEntry } from '../revocation/issued-token.ts'
import type { TokenMarks } from '../revocation/revocation.ts'
import type { EventStream } from '../signals/signals.ts'
import type { DeskConnections } from './desk-connections.ts'

/** Opening a desk touches no tables, so that `migrate` and `doctor` work on an empty or outdated schema. */
export interface Desk {
  config: Config
  accounts: AccountStore
  passwords: DeskPasswords
  imports: DeskImports
  /** Forgets the failed sign-ins that are counted for this person, from every address. */
  attempts: Pick<AttemptThrottle, 'forget'>
  clients: ClientStore
  apis: ApiStore
  keyring: DeskKeyring
  secrets: DeskSecrets
  sessions: DeskSessions
  revocations: DeskRevocations
  ledger: DeskLedger
  streams: DeskStreams
  preview: DeskPreview
  /** The only way in which commands change state: stores in one transaction with the audit log. */
  operations: PerformNeeds
  audit: AuditLog
  /** Names of the people and clients in the audit log. */
  names: SubjectNames
  migrations: DeskMigrations
  database: DeskDatabase
  connections: DeskConnections
  nodes: DeskNodes
  /** Notifies nodes of revocations at once. If that fails, nodes find them when they next poll. `close` notifies too. */
  publish(): Promise<void>
  /** Flushes the audit log, ends connections, and stops the embedded database if this command started it. */
  close(): Promise<void>
}

export type OpenDesk = (env: NodeJS.ProcessEnv) => Promise<Desk>

export interface DeskPasswords {
  /** A PHC string. Callers check the password with `checkNewPassword` first. */
  hash(password: string): Promise<string>
  /** Sets the hash and ends every session, grant and token of the account. */
  set(accountId: AccountId, hash: string, by?: { actor?: string }): Promise<Ended>
}

export interface DeskImports {
  people(lines: AsyncIterable<ImportLine>, options: PeopleImportOptions): AsyncIterable<ImportOutcome>
}

/** The part of the keyring that commands use; it writes to the audit log itself. */
export interface DeskKeyring extends KeyringOfCommands {
  /** Warnings about configured times that do not suit every verifier. */
  doubts(): readonly string[]
  /** The apps, grants and tokens that the revocation of the key affects. */
  blastRadius(kid: string): Promise<BlastRadius>
  /** Ends every grant and token of these apps; returns the number of grants. */
  endClients(clientIds: readonly string[]): Promise<number>
}

type KeyringOfCommands = Pick<
  Keyring,
  | 'readiness'
  | 'switchOff'
  | 'nameCanary'
  | 'canary'
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

export interface RotatedSecrets {
  /** How many stored secrets were wrapped again. */
  rows: number
  /** Fingerprint of the new key-encryption key; undefined in a dry run that would generate one. */
  fingerprint: string | undefined
  /** Fingerprints of the keys that wrapped them before. */
  previous: readonly string[]
  /** The file with the new key, if this command generated it. */
  file?: string
  /** The file with the old key, if this command generated the new one. */
  kept?: string
}

interface SecretChange {
  dryRun: boolean
  actor: string
}

export interface DeskSecrets {
  rotate(change: SecretChange): Promise<RotatedSecrets>
  rotateCookieKey(change: SecretChange): Promise<{ signsInSeconds: number }>
  /** Thumbprints of the key that now signs the feed and of the next one; a dry run has no next one. */
  rotateFeedKey(change: SecretChange & { now: boolean }): Promise<{ current: string; next: string | undefined }>
}

/** Back-channel logout of one app: whether it was notified that a session has ended. */
export interface LogoutRow {
  clientId: string
  state: 'waiting' | 'delivered' | 'failed'
  /** Tries so far. */
  attempts: number
  /** Set while the notification waits. */
  nextTryAt: Date | undefined
  settledAt: Date | undefined
  lastError: string | undefined
}

/** One browser session. `id` is its uid, which does not sign a browser in. */
export interface SessionRow {
  id: string
  accountId: AccountId
  /** Undefined once the session has ended. */
  signedInAt: Date | undefined
  expiresAt: Date | undefined
  clients: readonly string[]
  /** Undefined while the session is active. */
  endedAt: Date | undefined
  /** Apps with a back-channel logout URI, once the session has ended; kept for seven days after they were notified. */
  logouts: readonly LogoutRow[]
}

export interface DeskSessions {
  /** Active sessions. */
  list(accountId: AccountId): Promise<SessionRow[]>
  /** Ended sessions that still have `logouts`, the latest first. */
  listEnded(accountId: AccountId): Promise<SessionRow[]>
  /** An active or ended session. */
  find(id: string): Promise<SessionRow | undefined>
  /** Ends a session with its grants and refresh tokens. Returns false if there is no such session. */
  end(id: string, by?: { actor?: string }): Promise<boolean>
}

/** An entry of the log of revocations. */
export interface RevocationRow {
  /** Numbered in `revocation/revocation.ts`. */
  kind: number
  value: string | null
  /** In seconds. Undefined: the entry applies to tokens of any `iat`. */
  notBefore: number | undefined
  cause: string
  actor: string | undefined
  at: Date
}

/** `missing`: validly signed, but never issued here. `unknown`: no ledger at that time, or the entry was deleted. */
export interface TokenHistoryRow {
  ledger: 'present' | 'missing' | 'unknown'
  /** When the app last received newer tokens of the same grant. */
  refreshedAt: Date | undefined
}

/** A stored token without claims. */
export interface OpaqueTokenRow {
  what: 'refresh token' | 'access token'
  clientId: string | undefined
  accountId: string | undefined
  expiresAt: Date
  isUsed: boolean
}

export interface DeskRevocations {
  revokeToken(jti: string, by: { actor: string; expiresAt?: Date | undefined }): Promise<void>
  /** Revokes by uid or by the `sid` of one client, even if the session has already ended. */
  revokeSession(sid: string, by: { actor: string }): Promise<{ ended: boolean }>
  /** Revokes every access token issued so far. */
  revokeAll(issuer: string, by: { actor: string }): Promise<unknown>
  revokeClient(clientId: string, by?: { actor?: string }): Promise<{ grants: number; refreshTokens: number }>
  findOpaque(token: string): Promise<OpaqueTokenRow | undefined>
  revokeOpaque(token: string): Promise<OpaqueTokenRow | undefined>
  /** Every entry of the log that revokes a token with these marks. */
  explain(marks: TokenMarks): Promise<RevocationRow[]>
  isGrantAlive(claim: string): Promise<boolean>
  /** The longest lifetime of an access token in this deployment. */
  longestTokenSeconds(): Promise<number>
}

/** Issued tokens, if the deployment keeps a ledger of them. */
export interface DeskLedger {
  history(marks: TokenMarks, entry: LedgerEntry): Promise<TokenHistoryRow>
  /** Whether a token with this jti was issued. Undefined if the ledger lacks tokens that can still be valid. */
  knowsJti(jti: string): Promise<boolean | undefined>
}

/** A stream of security events and its waiting events, without the authorization header of its receiver. */
export interface StreamRow extends EventStream {
  waiting: number
  /** More events wait than were counted. */
  hasMore: boolean
  waitingSince: Date | undefined
}

export interface DeskStreams {
  list(): Promise<StreamRow[]>
  find(id: string): Promise<StreamRow | undefined>
  remove(id: string): Promise<boolean>
}

/** What an app would receive at a sign-in; both tokens as they would be sent. */
export interface Preview {
  /** The granted part of the requested scope. */
  scope: string
  idToken: string
  accessToken: string
  /** Undefined if the token is for an API, since userinfo refuses it. */
  userinfo: Record<string, unknown> | undefined
}

/** Stores nothing. @throws Failure `preview_refused` when the app would be refused */
export type DeskPreview = (client: Client, account: Account, scope: string) => Promise<Preview>

export interface MigrationStatus {
  applied: { name: string; at: Date }[]
  pending: string[]
  /** Applied migrations of a newer release, with which this release works. */
  ahead: string[]
}

export interface DeskMigrations {
  status(): Promise<MigrationStatus>
  /** Applies migrations under an advisory lock. Returns the names applied by this call. */
  apply(): Promise<string[]>
}

/** What running nodes answered. */
export interface NodesHeard {
  /** Nodes that, since they were asked, have verified their connections and read the log of revocations to its end. */
  confirmed: number
  /** Nodes that were seen at this database within ten minutes, did not stop, and have not confirmed. */
  silent: readonly { name: string; silentSeconds: number }[]
}

export interface DeskNodes {
  /** Publishes revocations, asks every running node whether it has read them, and waits briefly. Never throws. */
  confirm(): Promise<NodesHeard>
}

export interface DeskDatabase {
  /** Version, clock and location of the database, without credentials. @throws Failure `database_unavailable`. */
  describe(): Promise<{ version: string; now: Date; where: string; embedded: boolean }>
  /** Checks that the server accepts writes. @throws Failure `database_standby`, `database_read_only` */
  refuseUnwritable(): Promise<void>
}

/** What `start` shows in development mode; in production `serve` logs instead. */
export interface Welcome {
  issuer: string
  /** False in production, where no welcome is printed. */
  development: boolean
  hasAdmin: boolean
  clients: number
  /** Where the data is: a folder, or host and database name. */
  database: string
}

export interface Serving {
  welcome: Welcome
  /** Resolves once the server has stopped after a signal; rejects when the server fails. */
  stopped: Promise<void>
}

/** Starts serving and handles SIGTERM and SIGINT itself. */
export type Serve = (env: NodeJS.ProcessEnv, options: { port?: number; workers?: number }) => Promise<Serving>

/** A running signer: its socket, and the fingerprint of its key-encryption key. */
export interface SignerServing {
  socket: string
  fingerprint: string
  stopped: Promise<void>
}

/** Holds the private keys in this process until a signal ends it. */
export type ServeSigner = (env: NodeJS.ProcessEnv, options: { socket?: string }) => Promise<SignerServing>
