import type { BucketPolicy } from './attempt-policy.ts'

/** One thing that is counted. */
export interface Bucket {
  /** 32 bytes; of an account's buckets the first 16 are the account's. */
  key: Buffer
  policy: BucketPolicy
}

export type Admission =
  /** Counted as a failure already; `nextAfterSeconds` is the delay that this failure, if it stays one, puts on the next. */
  { admitted: true; nextAfterSeconds: number } | { admitted: false; retryAfterSeconds: number }

/** Where failed sign-ins are counted, for all processes together. `storage` implements it on Postgres. */
export interface AttemptStore {
  /**
   * Counts a failure in every bucket unless one of them is blocked. It is counted before the password is looked at, so
   * of any number of parallel guesses no more get through than one after the other would.
   */
  reserve(buckets: readonly Bucket[]): Promise<Admission>
  /** It was no failure: takes the count back from `release` and forgets all of `forget`. */
  settle(result: { release: readonly Bucket[]; forget: readonly Bucket[] }): Promise<void>
  /** Forgets every bucket whose key begins with these 16 bytes. */
  forgetAccount(prefix: Buffer): Promise<void>
}
