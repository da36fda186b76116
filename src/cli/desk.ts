/**
 * What commands find on their desk: the stores and services they act on,
 * opened by the roof (`serve.ts`) on the deployment's database. Nothing here
 * needs a running server, and whatever is changed here reaches running nodes
 * through the database.
 */
import type { Account, AccountId } from '../accounts/account.ts'
import type { AccountStore, Ended } from '../accounts/account-store.ts'
import type { Client } from '../clients/client.ts'
import type { ApiStore, ClientStore } from '../clients/client-store.ts'
import type { Config } from '../config/config.ts'
import type { AttemptThrottle } from '../credentials/attempt-throttle.ts'
import type { ImportLine, ImportOutcome, PeopleImportOptions } from '../credentials/people-import.ts'
import type { AuditLog, SubjectNames } from '../events/events.ts'
import type { BlastRadius } from '../keyring/blast-radius.ts'
import type { Keyring } from '../keyring/keyring.ts'
import type { PerformNeeds } from '../operations/operations.ts'
import type { LedgerEntry } from '../revocation/issued-token.ts'
import type { TokenMarks } from '../revocation/revocation.ts'
import type { EventStream } from '../signals/signals.ts'
import type { DeskConnections } from './desk-connections.ts'

/** Opening it does not touch tables: it works on an empty or outdated schema, so that `migrate` and `doctor` can run. */
export interface Desk {
  config: Config
  accounts: AccountStore
  passwords: DeskPasswords
  imports: DeskImports
  /** Forgets the failed sign-ins counted against this person, wherever they came from. */
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
  /** The one way in which commands change anything: stores that are bound to one transaction with the audit log. */
  operations: PerformNeeds
  audit: AuditLog
  /** Who is who in the audit log. */
  names: SubjectNames
  migrations: DeskMigrations
  database: DeskDatabase
  connections: DeskConnections
  nodes: DeskNodes
  /** Has nodes hear at once of what was revoked here; where it fails, their own looks find it. `close` does so too. */
  publish(): Promise<void>
  /** Flushes the audit log, ends connections, and stops the embedded database if this command started it. */
  close(): Promise<void>
}

export type OpenDesk = (env: NodeJS.ProcessEnv) => Promise<Desk>

export interface DeskPasswords {
  /** A PHC string. What a password must be is checked before, by `checkNewPassword`. */
  hash(password: string): Promise<string>
  /** Ends every session, grant and token of the account with it. */
  set(accountId: AccountId, hash: string, by?: { actor?: string }): Promise<Ended>
}

export interface DeskImports {
  /** As `credentials/people-import.ts` says. */
  people(lines: AsyncIterable<ImportLine>, options: PeopleImportOptions): AsyncIterable<ImportOutcome>
}

/** The part of the keyring that commands use; it writes to the audit log itself. */
export interface DeskKeyring extends KeyringOfCommands {
  /** What works with the configured times, but not for every verifier. */
  doubts(): readonly string[]
  /** What the key's revocation touches. */
  blastRadius(kid: string): Promise<BlastRadius>
  /** Ends what these apps hold of anybody; gives how many grants. */
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
  /** How many stored secrets were wrapped anew. */
  rows: number
  /** Of the key-encryption key from now on; undefined in a dry run that would make one. */
  fingerprint: string | undefined
  /** Fingerprints under which they rested before. */
  previous: readonly string[]
  /** The file that was given the new key, where this made it. */
  file?: string
  /** Where the old key lies then. */
  kept?: string
}

interface SecretChange {
  dryRun: boolean
  actor: string
}

export interface DeskSecrets {
  rotate(change: SecretChange): Promise<RotatedSecrets>
  rotateCookieKey(change: SecretChange): Promise<{ signsInSeconds: number }>
  /** Thumbprints of the keys that sign the feed from now on; of the next one none in a dry run. */
  rotateFeedKey(change: SecretChange & { now: boolean }): Promise<{ current: string; next: string | undefined }>
}

/** How far an app has been told that a session has ended. */
export interface LogoutRow {
  clientId: string
  state: 'waiting' | 'delivered' | 'failed'
  /** Tries so far. */
  attempts: number
  /** While it waits. */
  nextTryAt: Date | undefined
  settledAt: Date | undefined
  lastError: string | undefined
}

/** One browser session. `id` is its uid; nothing here opens it. */
export interface SessionRow {
  id: string
  accountId: AccountId
  /** Undefined once it has ended. */
  signedInAt: Date | undefined
  expiresAt: Date | undefined
  clients: readonly string[]
  /** Undefined while it lives. */
  endedAt: Date | undefined
  /** Its apps with a back-channel logout URI, once it has ended; for seven days after they were told. */
  logouts: readonly LogoutRow[]
}

export interface DeskSessions {
  /** Those that live. */
  list(accountId: AccountId): Promise<SessionRow[]>
  /** Those that have ended, as long as `logouts` tells of them; the latest first. */
  listEnded(accountId: AccountId): Promise<SessionRow[]>
  /** One that lives or has ended. */
  find(id: string): Promise<SessionRow | undefined>
  /** Ends it with its grants and refresh tokens. False when there is no such session. */
  end(id: string, by?: { actor?: string }): Promise<boolean>
}

/** Why something is void. */
export interface RevocationRow {
  /** As `revocation/revocation.ts` numbers them. */
  kind: number
  value: string | null
  /** Seconds; undefined: whenever it was issued. */
  notBefore: number | undefined
  cause: string
  actor: string | undefined
  at: Date
}

/** `missing`: never issued here, though rightly signed. `unknown`: no ledger was kept then, or it has left it. */
export interface TokenHistoryRow {
  ledger: 'present' | 'missing' | 'unknown'
  /** When the app last got newer tokens of the same grant. */
  refreshedAt: Date | undefined
}

/** A token that says nothing by itself. */
export interface OpaqueTokenRow {
  what: 'refresh token' | 'access token'
  clientId: string | undefined
  accountId: string | undefined
  expiresAt: Date
  isUsed: boolean
}

export interface DeskRevocations {
  revokeToken(jti: string, by: { actor: string; expiresAt?: Date | undefined }): Promise<void>
  /** By its uid or by what one client calls it; void even when the session is gone. */
  revokeSession(sid: string, by: { actor: string }): Promise<{ ended: boolean }>
  /** Every access token issued so far. */
  revokeAll(issuer: string, by: { actor: string }): Promise<unknown>
  revokeClient(clientId: string, by?: { actor?: string }): Promise<{ grants: number; refreshTokens: number }>
  findOpaque(token: string): Promise<OpaqueTokenRow | undefined>
  revokeOpaque(token: string): Promise<OpaqueTokenRow | undefined>
  /** Every entry of the log that voids a token with these marks. */
  explain(marks: TokenMarks): Promise<RevocationRow[]>
  isGrantAlive(claim: string): Promise<boolean>
  /** No access token of this deployment lives longer. */
  longestTokenSeconds(): Promise<number>
}

/** What was issued, where the deployment keeps a ledger of it. */
export interface DeskLedger {
  history(marks: TokenMarks, entry: LedgerEntry): Promise<TokenHistoryRow>
  /** Was a token with this jti issued? Undefined where the ledger does not have every token that can still be valid. */
  knowsJti(jti: string): Promise<boolean | undefined>
}

/** A stream of security events with what waits in it; without what its receiver wants sent along. */
export interface StreamRow extends EventStream {
  waiting: number
  /** More wait than were counted. */
  hasMore: boolean
  waitingSince: Date | undefined
}

export interface DeskStreams {
  list(): Promise<StreamRow[]>
  find(id: string): Promise<StreamRow | undefined>
  remove(id: string): Promise<boolean>
}

/** What an app would get at a sign-in; both tokens as they would be sent. */
export interface Preview {
  /** What was granted of what was asked for. */
  scope: string
  idToken: string
  accessToken: string
  /** Undefined: userinfo refuses the token, which is for an API. */
  userinfo: Record<string, unknown> | undefined
}

/** Leaves nothing behind. @throws Failure `preview_refused` when the app would be refused */
export type DeskPreview = (client: Client, account: Account, scope: string) => Promise<Preview>

export interface MigrationStatus {
  applied: { name: string; at: Date }[]
  pending: string[]
  /** Of those applied, what a newer release did; this one can live with it. */
  ahead: string[]
}

export interface DeskMigrations {
  status(): Promise<MigrationStatus>
  /** Under an advisory lock. Returns the names applied by this call. */
  apply(): Promise<string[]>
}

/** What running nodes answered. */
export interface NodesHeard {
  /** Nodes that have proven their connections and read the log of revocations to its end since they were asked. */
  confirmed: number
  /** Nodes that were seen at this database within ten minutes, did not stop, and have not confirmed. */
  silent: readonly { name: string; silentSeconds: number }[]
}

export interface DeskNodes {
  /** Publishes what was revoked here, asks every running node whether it has read it, and waits a moment. Never throws. */
  confirm(): Promise<NodesHeard>
}

export interface DeskDatabase {
  /** Its version, its clock, and where it is, without credentials. @throws Failure `database_unavailable`. */
  describe(): Promise<{ version: string; now: Date; where: string; embedded: boolean }>
  /** Does the server accept writes? @throws Failure `database_standby`, `database_read_only` */
  refuseUnwritable(): Promise<void>
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

/** What `signer` serves: where, and under which key-encryption key. */
export interface SignerServing {
  socket: string
  fingerprint: string
  stopped: Promise<void>
}

/** Holds the private keys in this process until a signal ends it. */
export type ServeSigner = (env: NodeJS.ProcessEnv, options: { socket?: string }) => Promise<SignerServing>
