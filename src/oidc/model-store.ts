/**
 * What the engine's state needs of a database. One read brings a model with all
 * that the request will ask for next; one write lands everything that a request
 * changed, or nothing of it. `storage/protocol/model-store.ts` implements it.
 */
import type { Account, AccountId } from '../accounts/account.ts'
import type { ClientId } from '../clients/client.ts'
import type { Access } from '../consent/consent.ts'
import type { IssuedToken, LedgerEntry } from '../revocation/issued-token.ts'
import type { NewRevocation, TokenMarks } from '../revocation/revocation.ts'

/** The engine's names of what it keeps, and our own `InteractionTrail` and `InteractionProof`. */
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

/** How a one-time value stands. `just-used`: within the grace in which it may be presented again. */
export type Use = 'unused' | 'just-used' | 'used'

export interface StoredModel {
  payload: Payload
  use: Use
  /** Seconds since the epoch. */
  expiresAt: number
}

/** A model with what belongs to it, from one statement. A companion is undefined when there is none. */
export interface Found {
  model: StoredModel
  /** The grant of a code or token. */
  grant?: { id: string; payload: Payload } | undefined
  /** The session that a code or token came from. */
  session?: { uid: string; payload: Payload } | undefined
  /** Whose it is; undefined when that account is gone. */
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
   * The row that this one takes the place of, by its identifier; the same or an
   * earlier one. Where that row is gone by now (a session ended meanwhile),
   * nothing is written: what was ended does not come back.
   */
  replaces?: string | undefined
}

/** A person's answer to an app: given now (`allowed`), or relied on because it was given before. */
export interface ConsentChange {
  accountId: AccountId
  clientId: ClientId
  allowed?: Access | undefined
}

/** Everything one request changes. */
export interface Changes {
  upserts: readonly Upsert[]
  /** Spend each exactly once; with `graceSeconds` a spent one may be spent again for that long after its first use. */
  consumes: readonly Presented[]
  destroys: readonly { model: ModelName; id: string }[]
  /** Codes and tokens of these grants go, and their access tokens are void. */
  revokedGrants: readonly string[]
  /** What else becomes void with the rest. */
  revocations?: readonly NewRevocation[]
  /** Nothing lands when it relies on an answer that was withdrawn meanwhile. */
  consent?: ConsentChange | undefined
  /** The JWT access token that this led to, where the ledger is kept. */
  issued?: IssuedToken | undefined
  /** Where the request came from, for the event that a replay leaves. */
  from?: Presenter | undefined
}

/** A one-time value that a request presents, and the grace in which it may be presented again. */
export interface Presented {
  model: ModelName
  id: string
  graceSeconds: number
}

/** Where a request came from. */
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

/** How a JWT access token stands, besides its signature. */
export interface Standing {
  isVoid: boolean
  /** The ledger should have it and has not, so it was never issued: somebody else signs with our key. */
  isMissing: boolean
  grant?: { id: string; payload: Payload } | undefined
}

export interface ModelStore {
  /** @param graceSeconds decides between `just-used` and `used` */
  find(model: ModelName, id: string, graceSeconds: number): Promise<Found | undefined>
  findSessionByUid(uid: string): Promise<(Found & { id: undefined }) | undefined>
  /**
   * Its grant, by its name in tokens (`token-claims.ts`), and whether anything has made it void, this moment included.
   * @param entry looked for in the ledger, where one is kept
   */
  findStanding(marks: TokenMarks, entry?: LedgerEntry): Promise<Standing>
  findByUserCode(userCode: string): Promise<Found | undefined>
  /**
   * All or nothing, in one round trip. False when something to be spent was spent or revoked already; what came of a
   * value that was spent is ended then, as by `endReplayed`.
   */
  commit(changes: Changes): Promise<boolean>
  /**
   * Ends what came of a value that was spent and is presented again after its grace: the grant with its codes and
   * tokens. The event is written in the same transaction, once however often the value is presented.
   */
  endReplayed(presented: Presented, from: Presenter): Promise<void>
  /** Remembers a value until `expiresAt`; false when it was known already (RFC 7523 §3 `jti`, RFC 9449 §11.1). */
  remember(id: string, expiresAt: number): Promise<boolean>
  /** The same for so many seconds by the clock of the store, which all nodes share. */
  rememberFor(id: string, seconds: number): Promise<boolean>
}
