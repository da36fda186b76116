/** The durations that rule the keys, and what may not contradict. */

export interface KeyTimes {
  /** How long a key signs. */
  rotationIntervalSeconds: number
  /** How long a key is published before it may sign. */
  publishLeadSeconds: number
  /** The longest life of anything a key signs: access tokens (of any API) and ID tokens. */
  longestTokenSeconds: number
  /** The longest session: its ID token may come back as a logout hint on its last day. */
  longestSessionSeconds: number
  /** What clocks of verifiers and nodes may differ by. */
  skewSeconds: number
  /** The most that a cache may keep the JWKS; 300, or the lead where that is shorter. */
  maxCacheSeconds?: number
  /** How long a retired key stays published; computed from the lives above when absent. */
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
 * For how long after that a cache may answer with what it has while it fetches anew (RFC 5861). What it has holds the
 * next key already, so this may reach past a promotion; with the age before, it never reaches past a lead.
 */
export const staleSecondsOf = (times: KeyTimes): number =>
  Math.max(0, Math.min(MOST_STALE_SECONDS, Math.floor(times.publishLeadSeconds) - cacheSecondsOf(times)))

/** What must pass between the last signature of a key and its removal. */
export const neededRetentionSeconds = (times: KeyTimes): number =>
  Math.max(times.longestTokenSeconds, times.longestSessionSeconds) + times.skewSeconds

export const retentionSecondsOf = (times: KeyTimes): number => times.retainSeconds ?? neededRetentionSeconds(times)

/** Everything about these times that contradicts, each a sentence with the numbers; empty when all is well. */
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
      `Retired keys would stay published for ${retentionSecondsOf(times)} s, but tokens live up to ${times.longestTokenSeconds} s, sessions up to ${times.longestSessionSeconds} s and clocks differ by ${times.skewSeconds} s: keep them for at least ${neededRetentionSeconds(times)} s.`,
    )
  }
  return faults
}

/** What works, but not for every verifier; for `doctor` and the log at start. */
export function doubtsAboutKeyTimes(times: KeyTimes): string[] {
  const doubts: string[] = []
  if (times.publishLeadSeconds < PATIENT_VERIFIER_SECONDS) {
    doubts.push(
      `The publish lead (${times.publishLeadSeconds} s) is shorter than the ${PATIENT_VERIFIER_SECONDS} s that some verifiers keep a key set without fetching again: such a verifier would refuse the tokens of a new key for a while.`,
    )
  }
  const retired = Math.ceil(retentionSecondsOf(times) / times.rotationIntervalSeconds)
  if (retired > MANY_RETIRED_KEYS) {
    doubts.push(
      `A rotation each ${times.rotationIntervalSeconds} s with ${retentionSecondsOf(times)} s of keeping retired keys puts about ${retired} retired keys an algorithm into the JWKS: rotate less often or shorten the sessions.`,
    )
  }
  return doubts
}

function checkOne(name: string, value: number | undefined): string[] {
  if (value === undefined) return []
  const least = name === 'skewSeconds' ? 0 : Number.MIN_VALUE
  if (Number.isFinite(value) && value >= least && value <= LONGEST_SECONDS) return []
  return [`${name} is ${value}: give a number of seconds above 0 and of at most ${LONGEST_SECONDS} (ten years).`]
}
