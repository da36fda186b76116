/**
 * revocation makes access tokens void before they expire. It knows what can be
 * revoked, decides whether a token is (`cut-offs.ts`), and tells every verifier
 * within a second: a log whose entries are numbered as they become public,
 * followed by each node (`live-log.ts`) on the database's time (`database-clock.ts`),
 * signed in frames (`frames.ts`) by a key that signs nothing else (`feed-keys.ts`). Who writes the log is `storage`, in
 * the transaction of what the revocation follows from; `web` serves the feed.
 * docs/revocation-feed.md is the contract with verifiers.
 */

/** What an entry names, as numbered on the wire. Never renumber: the numbers are hashed into keys. */
export const kinds = { jti: 1, sid: 2, grant: 3, sub: 4, client: 5, kid: 6, issuer: 7 } as const
export type KindName = keyof typeof kinds
export type Kind = (typeof kinds)[KindName]

/** To be written into the log. */
export interface NewRevocation {
  kind: Kind
  value: string
  /** Seconds; what was issued earlier is void. `now`: up to and with this second of the database's clock. Null: whenever issued. */
  notBefore?: number | 'now' | null
  /** When nothing that it names can be valid any more; by default the longest life of a token from now. */
  expiresAt?: Date | undefined
  /** `token.revoked`, `session.ended` …: for whoever asks why. */
  cause: string
  actor?: string | undefined
}

/** As the log tells of it. */
export interface LoggedRevocation extends Entry {
  seq: number
}

export interface Entry {
  kind: number
  /** First 16 bytes of SHA-256 over salt, kind and value. */
  key: Buffer
  notBefore: number | null
  /** Seconds since the epoch. */
  exp: number
}

/** Where the log stands. */
export interface LogHead {
  epoch: string
  salt: Buffer
  /** The highest number given. */
  seq: number
  /** Entries up to here may have been removed. */
  floor: number
  /** The database's clock when it said so: milliseconds since 1970. */
  databaseMs: number
}

/** What the feed needs of the log; `storage/revocation/revocation-log.ts` implements it. */
export interface RevocationLog {
  /** Numbers what was committed and says where the log stands. */
  advance(): Promise<LogHead>
  /** Published entries after `seq`, in order. */
  readAfter(seq: number, limit: number): Promise<LoggedRevocation[]>
  /**
   * Writes again what this node remembers and a restored database has forgotten. `behind` is where the database
   * stands when nobody has drawn a new epoch for it yet: then that is done too.
   */
  restore(lost: readonly Entry[], behind: LogHead | undefined): Promise<void>
}

/** What of a token can be revoked. */
export interface TokenMarks {
  jti?: string | undefined
  sid?: string | undefined
  grant?: string | undefined
  sub?: string | undefined
  client?: string | undefined
  kid?: string | undefined
  issuer?: string | undefined
  iat?: number | undefined
}

/** From the verified claims and header of one of our access tokens. */
export function marksOf(claims: { readonly [claim: string]: unknown }, kid: string | undefined): TokenMarks {
  const text = (claim: string) => (typeof claims[claim] === 'string' ? (claims[claim] as string) : undefined)
  return {
    jti: text('jti'),
    sid: text('sid'),
    grant: text('grant_id'),
    sub: text('sub'),
    client: text('client_id'),
    kid,
    issuer: text('iss'),
    iat: second(claims.iat),
  }
}

/** Cut-offs are whole seconds, so a fraction decides nothing. */
function second(claim: unknown): number | undefined {
  const seconds = typeof claim === 'number' ? Math.floor(claim) : undefined
  return Number.isSafeInteger(seconds) ? seconds : undefined
}

/** Kind and value of everything a token can be named by. */
export const namesOf = (marks: TokenMarks): [Kind, string][] =>
  (Object.entries(kinds) as [KindName, Kind][]).flatMap(([name, kind]) => {
    const value = marks[name]
    return value === undefined ? [] : [[kind, value] as [Kind, string]]
  })
