/**
 * The canary: one app for which each next key signs before it signs for all apps. Verifiers do not report refused
 * tokens. But an app whose tokens are refused asks for new ones early. So the app's token requests are counted by the
 * key that signed the response, and compared with the counts of the active key.
 */

import type { KeySnapshot } from '../cycle/key-store.ts'
import { isPublished, type SigningKey } from '../live/signing-key.ts'
import type { KeyReadiness } from './jwks-sightings.ts'

/** Token requests of a canary whose response one key signed. */
export interface CanaryUse {
  kid: string
  clientId: string
  tokenRequests: number
  /** How many of these were refreshes. */
  refreshes: number
  earlyRefreshes: number
}

export interface CanaryUseStore {
  /** Adds to the stored counts. Keys and clients that no longer exist are skipped. */
  add(uses: readonly CanaryUse[]): Promise<void>
  read(): Promise<CanaryUse[]>
}

/** One response of the token endpoint. `kids` are those of the keys that signed it. */
export interface CountedRequest {
  clientId: string
  kids: Iterable<string>
  isRefresh: boolean
  isEarly: boolean
}

const FLUSH_MILLISECONDS = 5_000

/** Counts in memory and adds the counts to the store every few seconds. */
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

  /** Counts one response with tokens. */
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

  /** Counts that the store did not accept are dropped: they are compared as shares, which stay nearly the same. */
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

/** One active or standby key in the canary report. */
export interface CanaryKey extends Omit<CanaryUse, 'clientId'> {
  alg: string
  state: SigningKey['state']
  /** For a standby: when it began, or may begin, to sign for the canary. */
  canaryAt: Date | undefined
  mayBeginAt: Date | undefined
  /** Verifiers that have not fetched the key, and verifiers that reported it as missing. */
  lagging: readonly string[]
  missing: readonly string[]
  misses: number
}

export interface CanaryReport {
  clientId: string | undefined
  keys: CanaryKey[]
}

/** The canary report: for each algorithm the active key, for comparison, and the standby. */
export function canaryReport(
  { keys, canary }: KeySnapshot,
  uses: readonly CanaryUse[],
  readiness: readonly KeyReadiness[],
): CanaryReport {
  const none = { tokenRequests: 0, refreshes: 0, earlyRefreshes: 0 }
  const rows = readiness.flatMap(({ kid, alg, state, lagging, missing, misses }): CanaryKey[] => {
    const key = keys.find((one) => one.kid === kid)
    if (!key || !isPublished(key) || state === 'retired') return []
    const { tokenRequests, refreshes, earlyRefreshes } =
      uses.find((use) => use.kid === kid && use.clientId === canary) ?? none
    const mayBeginAt = state === 'pending' ? key.promotableAt : undefined
    const counts = { tokenRequests, refreshes, earlyRefreshes }
    return [{ kid, alg, state, canaryAt: key.canaryAt ?? undefined, mayBeginAt, ...counts, lagging, missing, misses }]
  })
  return { clientId: canary, keys: rows }
}
