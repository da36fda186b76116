/**
 * Which verifiers have seen which keys. Each process counts in memory and adds its counts to the store at intervals.
 */
import { findActive, findStandby, type SigningKey } from '../live/signing-key.ts'

/** How often one verifier has fetched the JWKS while a key was published in it. */
export interface Sighting {
  kid: string
  /** Empty for all verifiers that do not send their name. */
  verifier: string
  fetches: number
  lastAt: Date
  /** How many of these fetches report that the verifier met this kid and does not know the key. */
  misses: number
  missedAt: Date | null
}

/** The counts of one process. */
export type SightingCount = Pick<Sighting, 'kid' | 'verifier' | 'fetches'> & { misses?: number }

export interface SightingStore {
  /**
   * Adds to the stored counts. Keys that have left the JWKS are skipped.
   * @returns each verifier that reported a key as missing for the first time
   */
  add(sightings: readonly SightingCount[]): Promise<{ kid: string; verifier: string }[]>
  read(): Promise<Sighting[]>
}

const ANONYMOUS = ''
const LONGEST_NAME = 100
/** Names are unverified. Further names beyond this many are counted as anonymous. */
const MOST_NAMES = 1_000

/** The counts since the last flush. */
export class JwksSightings {
  readonly #store: Pick<SightingStore, 'add'>
  #counts = new Map<string, number>()
  #kids: readonly string[] = []
  #pending: SightingCount[] = []

  constructor(store: Pick<SightingStore, 'add'>) {
    this.#store = store
  }

  /**
   * Counts one JWKS response.
   * @param verifier the name that the verifier sent, if any
   * @param missed the kid that the verifier reports as missing
   */
  count(kids: readonly string[], verifier?: string, missed?: string): void {
    if (kids !== this.#kids && kids.join() !== this.#kids.join()) this.#handOver()
    this.#kids = kids
    const asked = verifier?.slice(0, LONGEST_NAME).replace(/[^\x20-\x7e]/g, '?') ?? ANONYMOUS
    const name = this.#counts.size < MOST_NAMES || this.#counts.has(asked) ? asked : ANONYMOUS
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    // Only published keys are counted, and at most MOST_NAMES reports are pending.
    if (missed !== undefined && kids.includes(missed) && this.#pending.length < MOST_NAMES)
      this.#pending.push({ kid: missed, verifier: name, fetches: 0, misses: 1 })
  }

  /**
   * Call it every few seconds and at shutdown. Counts that the store did not accept are kept for the next flush.
   * @returns first misses
   */
  async flush(): Promise<{ kid: string; verifier: string }[]> {
    this.#handOver()
    const pending = this.#pending
    this.#pending = []
    if (pending.length === 0) return []
    try {
      return await this.#store.add(pending)
    } catch (reason) {
      // Bounded: a long outage loses counts, not memory.
      this.#pending = [...this.#pending, ...pending].slice(0, 20 * MOST_NAMES)
      throw reason
    }
  }

  #handOver(): void {
    for (const [verifier, fetches] of this.#counts) {
      for (const kid of this.#kids) this.#pending.push({ kid, verifier, fetches })
    }
    this.#counts = new Map()
  }
}

/** How many verifiers have fetched one key, and which have not. */
export interface KeyReadiness {
  kid: string
  alg: string
  state: SigningKey['state']
  fetches: number
  /** How many named verifiers have fetched it. */
  verifiers: number
  /** For a standby: named verifiers that recently fetched the active key, but have not yet fetched this one. */
  lagging: string[]
  /** How often any verifier reported that it met this kid and does not know the key. */
  misses: number
  /** Named verifiers that reported this key as missing within the last 10 minutes. */
  missing: string[]
}

const RECENT_FETCH_MILLISECONDS = 7 * 86_400_000
/** Typical time for which a verifier library uses a cached key set before it fetches again. */
const RECENT_MISS_MILLISECONDS = 10 * 60_000

/** The counts of each key and, for each standby, the verifiers that have not fetched it. */
export function readinessOf(keys: readonly SigningKey[], sightings: readonly Sighting[], now: Date): KeyReadiness[] {
  return keys.map(({ kid, alg, state }) => {
    const seen = sightings.filter((sighting) => sighting.kid === kid)
    return {
      kid,
      alg,
      state,
      fetches: seen.reduce((sum, { fetches }) => sum + fetches, 0),
      verifiers: seen.filter(({ verifier }) => verifier !== ANONYMOUS).length,
      lagging: findStandby(keys, alg)?.kid === kid ? laggingOf(findActive(keys, alg)?.kid, kid, sightings, now) : [],
      misses: seen.reduce((sum, { misses }) => sum + misses, 0),
      missing: seen
        .filter(({ missedAt }) => missedAt && Number(now) - Number(missedAt) < RECENT_MISS_MILLISECONDS)
        .map(({ verifier }) => verifier)
        .filter((verifier) => verifier !== ANONYMOUS),
    }
  })
}

function laggingOf(active: string | undefined, standby: string, sightings: readonly Sighting[], now: Date): string[] {
  const ready = new Set(sightings.filter(({ kid }) => kid === standby).map(({ verifier }) => verifier))
  const recent = sightings.filter(
    ({ kid, lastAt }) => kid === active && Number(now) - Number(lastAt) < RECENT_FETCH_MILLISECONDS,
  )
  return recent.map(({ verifier }) => verifier).filter((verifier) => verifier !== ANONYMOUS && !ready.has(verifier))
}
