/** The durations of the key life cycle, and the checks that they do not contradict each other. */

export interface KeyTimes {
  /** How long a key signs. */
  rotationIntervalSeconds: number
  /** How long a key is published before it may sign. */
  publishLeadSeconds: number
  /** The longest lifetime of a token that a key signs: access tokens (of any API) and ID tokens. */
  longestTokenSeconds: number
  /** The longest session. An app may send its ID token as a logout hint on the last day. */
  longestSessionSeconds: number
  /** The largest difference between the clocks of verifiers and nodes. */
  skewSeconds: number
  /** The longest time for which a cache may keep the JWKS: 300, or the publish lead when that is shorter. */
  maxCacheSeconds?: number
  /** How long a retired key stays published; computed from the lifetimes above when absent. */
  retainSeconds?: number
}

const MOST_CACHE_SECONDS = 300
/** Istio keeps a key set this long and does not fetch again for an unknown kid. */
const PATIENT_VERIFIER_SECONDS = 20 * 60
const LONGEST_SECONDS = 10 * 366 * 86_400
const MANY_RETIRED_KEYS = 24

export const cacheSecondsOf = (times: KeyTimes): number =>
  times.maxCacheSeconds ?? Math.floor(Math.min(MOST_CACHE_SECONDS, times.publishLeadSeconds))

const MOST_STALE_SECONDS = 30

/**
 * For how long after `cacheSecondsOf` a cache may serve its copy while it fetches a new one (RFC 5861). The copy holds
 * the next key already, so this time may reach past a promotion. Together with the cache time it never exceeds the
 * lead.
 */
export const staleSecondsOf = (times: KeyTimes): number =>
  Math.max(0, Math.min(MOST_STALE_SECONDS, Math.floor(times.publishLeadSeconds) - cacheSecondsOf(times)))

/** The shortest time between the last signature of a key and its removal. */
export const neededRetentionSeconds = (times: KeyTimes): number =>
  Math.max(times.longestTokenSeconds, times.longestSessionSeconds) + times.skewSeconds

export const retentionSecondsOf = (times: KeyTimes): number => times.retainSeconds ?? neededRetentionSeconds(times)

/** Every contradiction in these times, each as a sentence with the numbers; empty when there is none. */
export function checkKeyTimes(times: KeyTimes): string[] {
  const faults = Object.entries(times).flatMap(([name, value]) => checkOne(name, value))
  if (faults.length > 0) return faults
  const { publishLeadSeconds: lead, rotationIntervalSeconds: interval } = times
  if (lead > interval) {
    faults.push(
      `The publish lead (${lead} s) is longer than the rotation interval (${interval} s): the next key could never be published long enough. Make CLAVIGER_KEY_PUBLISH_LEAD shorter or CLAVIGER_KEY_ROTATION_INTERVAL longer.`,
    )
  }
  if (cacheSecondsOf(times) > lead) {
    faults.push(
      `Caches may keep the JWKS for ${cacheSecondsOf(times)} s, which is longer than the publish lead (${lead} s): a key would sign before every cache has it. Make CLAVIGER_KEY_PUBLISH_LEAD at least ${cacheSecondsOf(times)} s.`,
    )
  }
  if (retentionSecondsOf(times) < neededRetentionSeconds(times)) {
    faults.push(
      `Retired keys would stay published for ${retentionSecondsOf(times)} s, which is too short. Tokens live up to ${times.longestTokenSeconds} s, sessions up to ${times.longestSessionSeconds} s and clocks differ by up to ${times.skewSeconds} s. Keep retired keys for at least ${neededRetentionSeconds(times)} s.`,
    )
  }
  return faults
}

/** Settings that work, but not for every verifier; for `doctor` and the log at start. */
export function doubtsAboutKeyTimes(times: KeyTimes): string[] {
  const warnings: string[] = []
  if (times.publishLeadSeconds < PATIENT_VERIFIER_SECONDS) {
    warnings.push(
      `The publish lead (${times.publishLeadSeconds} s) is shorter than the ${PATIENT_VERIFIER_SECONDS} s that some verifiers keep a key set without fetching again: such a verifier would refuse the tokens of a new key for a while.`,
    )
  }
  const retired = Math.ceil(retentionSecondsOf(times) / times.rotationIntervalSeconds)
  if (retired > MANY_RETIRED_KEYS) {
    warnings.push(
      `A rotation each ${times.rotationIntervalSeconds} s with ${retentionSecondsOf(times)} s of keeping retired keys puts about ${retired} retired keys an algorithm into the JWKS: rotate less often or shorten the sessions.`,
    )
  }
  return warnings
}

function checkOne(name: string, value: number | undefined): string[] {
  if (value === undefined) return []
  const least = name === 'skewSeconds' ? 0 : Number.MIN_VALUE
  if (Number.isFinite(value) && value >= least && value <= LONGEST_SECONDS) return []
  return [`${name} is ${value}: give a number of seconds above 0 and of at most ${LONGEST_SECONDS} (ten years).`]
}
