/**
 * How failed sign-ins delay the next ones. Each bucket counts failures and drops one every `drainSeconds`. The first
 * `free` failures cause no delay. Each further failure doubles the delay, up to `longestSeconds`. No account is locked
 * for ever, because the count stops growing when the delay does.
 */
export interface BucketPolicy {
  /** This number of attempts is never delayed. The failure that makes the bucket full causes the first delay. */
  free: number
  firstSeconds: number
  longestSeconds: number
  drainSeconds: number
}

/**
 * - `accountFromSource`, `accountInBrowser`: against guesses at one person; in the long run about 6 guesses an hour
 *   pass.
 * - `source`: against guesses at many names. Wide and quick to drain, for an office behind one address (in the long run
 *   2 a minute).
 * - `account`: against guesses at one person from many sources. The delay is short, since it also delays the owner in a
 *   new browser.
 */
export const bucketPolicies = {
  accountFromSource: { free: 10, firstSeconds: 1, longestSeconds: 900, drainSeconds: 600 },
  accountInBrowser: { free: 10, firstSeconds: 1, longestSeconds: 900, drainSeconds: 600 },
  source: { free: 100, firstSeconds: 1, longestSeconds: 60, drainSeconds: 30 },
  account: { free: 50, firstSeconds: 1, longestSeconds: 60, drainSeconds: 60 },
} as const satisfies Record<string, BucketPolicy>

/** A higher count could not lengthen the delay. */
export const fullCount = ({ free, firstSeconds, longestSeconds }: BucketPolicy): number =>
  free + Math.ceil(Math.log2(longestSeconds / firstSeconds))

/** The remaining count of `failures` after a number of seconds without attempts. */
export const drained = (policy: BucketPolicy, failures: number, quietSeconds: number): number =>
  Math.max(0, failures - Math.max(0, quietSeconds) / policy.drainSeconds)

/** The slack of half a failure: a count that drains between two guesses must not allow a further free one. */
export const isFull = (policy: BucketPolicy, failures: number): boolean => failures >= policy.free - 0.5

/** Seconds to wait after a failure that made it `failures`. */
export const delayAfter = (policy: BucketPolicy, failures: number): number =>
  isFull(policy, failures)
    ? Math.min(policy.longestSeconds, policy.firstSeconds * 2 ** Math.max(0, failures - policy.free))
    : 0
