/**
 * How failed sign-ins slow the next ones down. Each bucket counts failures,
 * forgets one every `drainSeconds`, lets the first `free` pass without delay and
 * doubles the delay with every further one up to `longestSeconds`. Nothing locks
 * for ever: the count stops growing where the delay does.
 */
export interface BucketPolicy {
  /** So many attempts are never delayed; the failure that makes it full brings the first delay. */
  free: number
  firstSeconds: number
  longestSeconds: number
  drainSeconds: number
}

/**
 * - `accountFromSource`, `accountInBrowser`: somebody guesses at one person; sustained, about 6 guesses an hour get through.
 * - `source`: somebody tries many names. Wide and quick to drain, for an office behind one address (sustained 2 a minute).
 * - `account`: many sources guess at one person. Kept short, since it also delays the owner in a browser not seen before.
 */
export const bucketPolicies = {
  accountFromSource: { free: 10, firstSeconds: 1, longestSeconds: 900, drainSeconds: 600 },
  accountInBrowser: { free: 10, firstSeconds: 1, longestSeconds: 900, drainSeconds: 600 },
  source: { free: 100, firstSeconds: 1, longestSeconds: 60, drainSeconds: 30 },
  account: { free: 50, firstSeconds: 1, longestSeconds: 60, drainSeconds: 60 },
} as const satisfies Record<string, BucketPolicy>

/** Counting further could not lengthen the delay. */
export const fullCount = ({ free, firstSeconds, longestSeconds }: BucketPolicy): number =>
  free + Math.ceil(Math.log2(longestSeconds / firstSeconds))

/** What is left of `failures` after so many quiet seconds. */
export const drained = (policy: BucketPolicy, failures: number, quietSeconds: number): number =>
  Math.max(0, failures - Math.max(0, quietSeconds) / policy.drainSeconds)

/** Half a failure of slack: what drains between one guess and the next must not buy a further free one. */
export const isFull = (policy: BucketPolicy, failures: number): boolean => failures >= policy.free - 0.5

/** Seconds to wait after a failure that made it `failures`. */
export const delayAfter = (policy: BucketPolicy, failures: number): number =>
  isFull(policy, failures)
    ? Math.min(policy.longestSeconds, policy.firstSeconds * 2 ** Math.max(0, failures - policy.free))
    : 0
