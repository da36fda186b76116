/**
 * The database interface for the engine's state. One read returns a model with the companions that the request needs
 * next. One commit stores all changes of a request, or none. `storage/protocol/model-store.ts` implements it.
 */
import type { Account, AccountId } from '../../accounts/account.ts'
import type { ClientId } from '../../clients/client.ts'
import type { Access } from '../../consent/consent.ts'
import type { IssuedToken, LedgerEntry } from '../../revocation/issued-token.ts'
import type { NewRevocation, TokenMarks } from '../../revocation/revocation.ts'

/** The engine's model names, and our own `InteractionTrail` and `InteractionProof`. */
export type ModelName =
  | 'Session'
  | 'Interaction'
  | 'InteractionTrail'
  | 'InteractionProof'
  | 'Grant'
  | 'AuthorizationCode'
  | 'RefreshToken'
  | 'AccessToken'
  | 'ClientCredentials'
  | 'DeviceCode'
  | 'BackchannelAuthenticationRequest'
  | 'PushedAuthorizationRequest'
  | 'ReplayDetection'
  | 'InitialAccessToken'
  | 'RegistrationAccessToken'

export type Payload = Record<string, unknown>

/** The state of a one-time value. `just-used`: it was used within its grace period, and may be presented again. */
export type Use = 'unused' | 'just-used' | 'used'

export interface StoredModel {
  payload: Payload
  use: Use
  /** Seconds since the epoch. */
  expiresAt: number
}

/** A model with its companions, from one statement. A companion is undefined when there is none. */
export interface ModelWithCompanions {
  model: StoredModel
  /** The grant of a code or token. */
  grant?: { id: string; payload: Payload } | undefined
  /** The session that a code or token came from. */
  session?: { uid: string; payload: Payload } | undefined
  /** The account of the model; undefined when the account was removed. */
  account?: Account | undefined
  /** Grants of a session, by id. */
  grants?: ReadonlyMap<string, Payload>
}

export interface Upsert {
  model: ModelName
  id: string
  payload: Payload
  /** Seconds since the epoch. */
  expiresAt: number
  userCode?: string | undefined
  /**
   * The identifier of the row that this one updates: the same identifier or an earlier one. If that row is gone (the
   * session has ended meanwhile), nothing is written. So an ended session does not come back.
   */
  replaces?: string | undefined
}

/** A person's consent to an app: given now (`allowed`), or given earlier and used by this request. */
export interface ConsentChange {
  accountId: AccountId
  clientId: ClientId
  allowed?: Access | undefined
}

/** Everything one request changes. */
export interface ModelChanges {
  upserts: readonly Upsert[]
  /**
   * Each is spent exactly once. With `graceSeconds` a spent one may be spent again for that long after its first use.
   */
  consumes: readonly Presented[]
  destroys: readonly { model: ModelName; id: string }[]
  /** Deletes the codes and tokens of these grants, and revokes their access tokens. */
  revokedGrants: readonly string[]
  /** Further revocations, in the same commit. */
  revocations?: readonly NewRevocation[]
  /** Nothing is stored if the request uses a consent that was withdrawn meanwhile. */
  consent?: ConsentChange | undefined
  /** The JWT access token that the request issued, when the ledger is on. */
  issued?: IssuedToken | undefined
  /** The origin of the request, for the event of a replay. */
  from?: Presenter | undefined
}

/** A one-time value that a request presents, and the grace period in which it may be presented again. */
export interface Presented {
  model: ModelName
  id: string
  graceSeconds: number
}

/** The origin of a request. */
export interface Presenter {
  source: string | undefined
  requestId: string | undefined
}

/** A one-time value that was presented after it was spent. The grant has been revoked, and the event has been written. */
export interface Replay extends Presenter {
  kind: 'code.reused' | 'refresh-token.reused'
  grantId: string
  accountId: string | undefined
  clientId: string | undefined
}

/** The status of a JWT access token, apart from its signature and lifetime. */
export interface TokenStatus {
  isRevoked: boolean
  /**
   * The ledger should have the token but does not. So the token was never issued here: another party signs with the
   * issuer's key.
   */
  isMissing: boolean
  grant?: { id: string; payload: Payload } | undefined
}

export interface ModelStore {
  /** @param graceSeconds decides between `just-used` and `used` */
  find(model: ModelName, id: string, graceSeconds: number): Promise<ModelWithCompanions | undefined>
  findSessionByUid(uid: string): Promise<(ModelWithCompanions & { id: undefined }) | undefined>
  /**
   * Finds the token's grant, by its name in tokens (`token-claims.ts`), and whether the token is revoked at this
   * moment.
   * @param entry the ledger entry to look for, when the ledger is on
   */
  findTokenStatus(marks: TokenMarks, entry?: LedgerEntry): Promise<TokenStatus>
  findByUserCode(userCode: string): Promise<ModelWithCompanions | undefined>
  /**
   * Stores all changes or none, in one round trip. Returns false when a value to be spent was already spent or revoked.
   * Then the grant of a spent value is revoked, as by `endReplayed`.
   */
  commit(changes: ModelChanges): Promise<boolean>
  /**
   * Revokes the grant of a spent value that is presented after its grace period, with the grant's codes and tokens. The
   * same transaction writes the event, once however often the value is presented.
   */
  endReplayed(presented: Presented, from: Presenter): Promise<void>
  /** Stores a value until `expiresAt`. Returns false when it was stored already (RFC 7523 §3 `jti`, RFC 9449 §11.1). */
  remember(id: string, expiresAt: number): Promise<boolean>
  /** The same for a number of seconds, by the database's clock, which all nodes share. */
  rememberFor(id: string, seconds: number): Promise<boolean>
}
