/**
 * revocation revokes access tokens before they expire. It defines what can be revoked and decides whether a token is
 * (`cut-offs.ts`). It informs every verifier within a second: entries are numbered as they become public, and each
 * node follows the log (`live-log.ts`) by the database's time (`database-clock.ts`). Frames (`frames.ts`) are signed
 * by a key that signs nothing else (`feed-keys.ts`). `storage` writes the log, in the transaction of the change that
 * causes the entry; `web` serves the feed. docs/revocation-feed.md is the contract with verifiers.
 */

/** The kinds of names, as numbered on the wire. Never renumber them: the numbers are hashed into keys. */
export const kinds = { jti: 1, sid: 2, grant: 3, sub: 4, client: 5, kid: 6, issuer: 7 } as const
export type KindName = keyof typeof kinds
export type Kind = (typeof kinds)[KindName]

/** An entry to write into the log. */
export interface NewRevocation {
  kind: Kind
  value: string
  /**
   * Seconds: tokens with an earlier `iat` are revoked. `now`: up to and including the current second of the database's
   * clock. Null: whenever issued.
   */
  notBefore?: number | 'now' | null
  /** When every token that it names has expired; by default the longest lifetime of a token from now. */
  expiresAt?: Date | undefined
  /** The reason for people: `token.revoked`, `session.ended` … */
  cause: string
  actor?: string | undefined
}

/** An entry with its number in the log. */
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

/** The current state of the log. */
export interface LogHead {
  epoch: string
  salt: Buffer
  /** The highest number assigned. */
  seq: number
  /** Entries up to this number may have been removed. */
  floor: number
  /** The database's clock at the time of the query: milliseconds since 1970. */
  databaseMs: number
}

/** The log that the feed reads; `storage/revocation/revocation-log.ts` implements it. */
export interface RevocationLog {
  /** Numbers committed entries and returns the state of the log. */
  advance(): Promise<LogHead>
  /** Published entries after `seq`, in order. */
  readAfter(seq: number, limit: number): Promise<LoggedRevocation[]>
  /**
   * Writes entries again that this node has and a restored database has lost. `behind` is the state of the database
   * when it has no new epoch yet: then `restore` draws one.
   */
  restore(lost: readonly Entry[], behind: LogHead | undefined): Promise<void>
}

/** The names of a token by which it can be revoked, and its `iat`. */
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

/** From the verified claims and header of an access token of this issuer. */
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

/** Rounded down: cut-offs are whole seconds, so a fraction has no effect. */
function second(claim: unknown): number | undefined {
  const seconds = typeof claim === 'number' ? Math.floor(claim) : undefined
  return Number.isSafeInteger(seconds) ? seconds : undefined
}

/** Kind and value of every name of a token. */
export const namesOf = (marks: TokenMarks): [Kind, string][] =>
  (Object.entries(kinds) as [KindName, Kind][]).flatMap(([name, kind]) => {
    const value = marks[name]
    return value === undefined ? [] : [[kind, value] as [Kind, string]]
  })
