import type { Admission } from './attempt-store.ts'

interface Lane {
  /** Admitted attempts whose result is not known yet. */
  underWay: number
  /** Attempts that wait for their turn or have it. */
  queued: number
  turn: Promise<unknown>
  wake: (() => void) | undefined
}

/** No person starts more attempts than this at once in one lane. */
const longestQueue = 64

/**
 * Runs the attempts of one person in one place one after another. A reserved attempt counts as a failure until its
 * result is known. So a person who signs in in a dozen tabs at once would seem to guess. An attempt that is refused
 * while others are in progress waits for one of them and asks again. That allows no further guess, because the store
 * decides each time.
 */
export class AttemptLanes {
  readonly #lanes = new Map<string, Lane>()

  async enter(key: string, ask: () => Promise<Admission>): Promise<Admission> {
    const lane = this.#lanes.get(key) ?? { underWay: 0, queued: 0, turn: Promise.resolve(), wake: undefined }
    if (lane.queued >= longestQueue) return { admitted: false, retryAfterSeconds: 1 }
    this.#lanes.set(key, lane)
    lane.queued += 1
    const mine = lane.turn.then(() => askInTurn(lane, ask))
    lane.turn = mine.catch(() => {}) // the caller gets the failure; the next attempt asks for itself
    try {
      return await mine
    } finally {
      lane.queued -= 1
      this.#sweep(key, lane)
    }
  }

  /** Call it when an admitted attempt has ended, in success or failure. */
  leave(key: string): void {
    const lane = this.#lanes.get(key)
    if (!lane) return
    lane.underWay = Math.max(0, lane.underWay - 1)
    lane.wake?.()
    this.#sweep(key, lane)
  }

  /** The number of lanes in use; 0 when no sign-in is in progress. */
  get size(): number {
    return this.#lanes.size
  }

  #sweep(key: string, lane: Lane): void {
    if (lane.underWay === 0 && lane.queued === 0) this.#lanes.delete(key)
  }
}

/** Each round except the last waits until one attempt in progress ends. None begins meanwhile, so the loop ends. */
async function askInTurn(lane: Lane, ask: () => Promise<Admission>): Promise<Admission> {
  for (;;) {
    const before = lane.underWay
    const admission = await ask()
    if (admission.admitted) lane.underWay += 1
    if (admission.admitted || before === 0) return admission
    if (lane.underWay === before) await new Promise<void>((resolve) => (lane.wake = resolve))
    lane.wake = undefined
  }
}
