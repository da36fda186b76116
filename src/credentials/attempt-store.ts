import type { BucketPolicy } from './attempt-policy.ts'

/** One counter of failed attempts. */
export interface Bucket {
  /** 32 bytes. The buckets of one account share the first 16 bytes. */
  key: Buffer
  policy: BucketPolicy
}

export type Admission =
  /** Counted as a failure already; `nextAfterSeconds` is the delay that this failure, if it stays one, puts on the next. */
  { admitted: true; nextAfterSeconds: number } | { admitted: false; retryAfterSeconds: number }

/** Counts failed sign-ins for all processes together. `storage` implements it on Postgres. */
export interface AttemptStore {
  /**
   * Counts a failure in every bucket, unless one of them is blocked. It counts before the password is checked, so that
   * parallel guesses pass no more often than sequential ones.
   */
  reserve(buckets: readonly Bucket[]): Promise<Admission>
  /**
   * Call it when the attempt was no failure. Takes one failure back from each of `release`, and deletes all of
   * `forget`.
   */
  settle(result: { release: readonly Bucket[]; forget: readonly Bucket[] }): Promise<void>
  /** Deletes every bucket whose key begins with these 16 bytes. */
  forgetAccount(prefix: Buffer): Promise<void>
}
