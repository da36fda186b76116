/**
 * The canary: one app for which each next key signs before it signs for everybody. Its verifiers tell us nothing of a
 * token that they refuse, but an app whose tokens are refused comes back for new ones; so its token requests are
 * counted by the key that signed the answer, those of the key before being the measure.
 */

import type { KeySnapshot } from '../cycle/key-store.ts'
import { isPublished, type SigningKey } from '../live/signing-key.ts'
import type { KeyReadiness } from './jwks-sightings.ts'

/** Token requests of a canary that one key answered. */
export interface CanaryUse {
  kid: string
  clientId: string
  tokenRequests: number
  /** Of these, refreshes; and those that came before half of the access token's life was over. */
  refreshes: number
  earlyRefreshes: number
}

export interface CanaryUseStore {
  /** Adds to what is there; keys and clients that are gone are passed over. */
  add(uses: readonly CanaryUse[]): Promise<void>
  read(): Promise<CanaryUse[]>
}

/** One answer of the token endpoint; `kids` of the keys that signed it. */
export interface CountedRequest {
  clientId: string
  kids: Iterable<string>
  isRefresh: boolean
  isEarly: boolean
}

const FLUSH_MILLISECONDS = 5_000

/** Counts in this process, and adds it up in the store now and then. */
export class CanaryUses {
  readonly #store: Pick<CanaryUseStore, 'add'>
  readonly #onTrouble: (reason: unknown) => void
  readonly #timer: NodeJS.Timeout
  #uses = new Map<string, CanaryUse>()

  constructor(store: Pick<CanaryUseStore, 'add'>, onTrouble: (reason: unknown) => void) {
    this.#store = store
    this.#onTrouble = onTrouble
    this.#timer = setInterval(() => void this.flush(), FLUSH_MILLISECONDS).unref()
  }

  /** At one answer with tokens. `kids`: of the keys that signed them. */
  count({ clientId, kids, isRefresh, isEarly }: CountedRequest): void {
    for (const kid of kids) {
      const name = `${kid} ${clientId}`
      const use = this.#uses.get(name) ?? { kid, clientId, tokenRequests: 0, refreshes: 0, earlyRefreshes: 0 }
      this.#uses.set(name, use)
      use.tokenRequests += 1
      if (isRefresh) use.refreshes += 1
      if (isEarly) use.earlyRefreshes += 1
    }
  }

  /** What the store did not take is lost: these are shares, and a share bears that. */
  async flush(): Promise<void> {
    const uses = [...this.#uses.values()]
    this.#uses = new Map()
    if (uses.length > 0) await this.#store.add(uses).catch(this.#onTrouble)
  }

  async stop(): Promise<void> {
    clearInterval(this.#timer)
    await this.flush()
  }
}

/** One key that signs or is to sign, as the canary tells of it. */
export interface CanaryKey extends Omit<CanaryUse, 'clientId'> {
  alg: string
  state: SigningKey['state']
  /** Of a standby: when it began, or may begin, to sign for the canary. */
  canaryAt: Date | undefined
  mayBeginAt: Date | undefined
  /** Verifiers that have not fetched it, or have met it without knowing it. */
  lagging: readonly string[]
  missing: readonly string[]
  misses: number
}

export interface CanaryReport {
  clientId: string | undefined
  keys: CanaryKey[]
}

/** How the canary does: of each algorithm the key that signs, for comparison, and the standby. */
export function canaryReport(
  { keys, canary }: KeySnapshot,
  uses: readonly CanaryUse[],
  readiness: readonly KeyReadiness[],
): CanaryReport {
  const none = { tokenRequests: 0, refreshes: 0, earlyRefreshes: 0 }
  const told = readiness.flatMap(({ kid, alg, state, lagging, missing, misses }): CanaryKey[] => {
    const key = keys.find((one) => one.kid === kid)
    if (!key || !isPublished(key) || state === 'retired') return []
    const { tokenRequests, refreshes, earlyRefreshes } =
      uses.find((use) => use.kid === kid && use.clientId === canary) ?? none
    const mayBeginAt = state === 'pending' ? key.promotableAt : undefined
    const counts = { tokenRequests, refreshes, earlyRefreshes }
    return [{ kid, alg, state, canaryAt: key.canaryAt ?? undefined, mayBeginAt, ...counts, lagging, missing, misses }]
  })
  return { clientId: canary, keys: told }
}
