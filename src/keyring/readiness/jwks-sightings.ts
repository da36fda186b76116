/** Which verifiers have seen which keys: counted per process without a query, added up in the store now and then. */
import { findActive, findStandby, type SigningKey } from '../live/signing-key.ts'

/** How often one verifier has fetched the JWKS while a key stood in it. */
export interface Sighting {
  kid: string
  /** Empty for all that do not say who they are. */
  verifier: string
  fetches: number
  lastAt: Date
  /** How many of these fetches it made because it had met the key and did not know it. */
  misses: number
  missedAt: Date | null
}

/** What one process has counted. */
export type SightingCount = Pick<Sighting, 'kid' | 'verifier' | 'fetches'> & { misses?: number }

export interface SightingStore {
  /**
   * Adds to what is there; keys that left the JWKS meanwhile are passed over.
   * @returns who missed which key for the first time
   */
  add(sightings: readonly SightingCount[]): Promise<{ kid: string; verifier: string }[]>
  read(): Promise<Sighting[]>
}

const ANONYMOUS = ''
const LONGEST_NAME = 100
/** Strangers may call themselves what they like: beyond this many names they count as one. */
const MOST_NAMES = 1_000

/** Between two deliveries to the store. */
export class JwksSightings {
  readonly #store: Pick<SightingStore, 'add'>
  #counts = new Map<string, number>()
  #kids: readonly string[] = []
  #pending: SightingCount[] = []

  constructor(store: Pick<SightingStore, 'add'>) {
    this.#store = store
  }

  /** At one answer of the JWKS. `verifier`: who asked, as far as that is known; `missed`: the key it asked for. */
  count(kids: readonly string[], verifier?: string, missed?: string): void {
    if (kids !== this.#kids && kids.join() !== this.#kids.join()) this.#handOver()
    this.#kids = kids
    const asked = verifier?.slice(0, LONGEST_NAME).replace(/[^\x20-\x7e]/g, '?') ?? ANONYMOUS
    const name = this.#counts.size < MOST_NAMES || this.#counts.has(asked) ? asked : ANONYMOUS
    this.#counts.set(name, (this.#counts.get(name) ?? 0) + 1)
    // Only published keys count, and no more at a time than there are names.
    if (missed !== undefined && kids.includes(missed) && this.#pending.length < MOST_NAMES)
      this.#pending.push({ kid: missed, verifier: name, fetches: 0, misses: 1 })
  }

  /** Call it every few seconds, and at the end. What the store did not take is counted again. @returns first misses */
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

/** How far the verifiers are with one key. */
export interface KeyReadiness {
  kid: string
  alg: string
  state: SigningKey['state']
  fetches: number
  /** How many that say who they are have seen it. */
  verifiers: number
  /** Of a standby: those that have seen the key that signs lately, and not yet this one. */
  lagging: string[]
  /** How often any verifier said that it had met the key and did not know it. */
  misses: number
  /** Those that say who they are and said so a moment ago. */
  missing: string[]
}

const LATELY_MILLISECONDS = 7 * 86_400_000
/** As long as libraries go on with an old set before they ask again. */
const MOMENT_MILLISECONDS = 10 * 60_000

/** Counts for each key, and for each standby who would be surprised by it. */
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
        .filter(({ missedAt }) => missedAt && Number(now) - Number(missedAt) < MOMENT_MILLISECONDS)
        .map(({ verifier }) => verifier)
        .filter((verifier) => verifier !== ANONYMOUS),
    }
  })
}

function laggingOf(active: string | undefined, standby: string, sightings: readonly Sighting[], now: Date): string[] {
  const ready = new Set(sightings.filter(({ kid }) => kid === standby).map(({ verifier }) => verifier))
  const lately = sightings.filter(
    ({ kid, lastAt }) => kid === active && Number(now) - Number(lastAt) < LATELY_MILLISECONDS,
  )
  return lately.map(({ verifier }) => verifier).filter((verifier) => verifier !== ANONYMOUS && !ready.has(verifier))
}
