import type { Admission } from './attempt-store.ts'

interface Lane {
  /** Admitted, and not yet known to be right or wrong. */
  underWay: number
  /** Wait for their turn or in it. */
  queued: number
  turn: Promise<unknown>
  wake: (() => void) | undefined
}

/** More than this at once in one lane is nobody's honest burst. */
const longestQueue = 64

/**
 * A reserved attempt counts as a failure until it is known to be none, so a
 * person who signs in in a dozen tabs at once would seem to guess. Here attempts
 * of one person in one place go one after the other, and one that is refused
 * while others are still being looked at waits for them and asks again. Nobody
 * gets a guess more by it: the store has the last word each time.
 */
export class AttemptLanes {
  readonly #lanes = new Map<string, Lane>()

  async enter(key: string, ask: () => Promise<Admission>): Promise<Admission> {
    const lane = this.#lanes.get(key) ?? { underWay: 0, queued: 0, turn: Promise.resolve(), wake: undefined }
    if (lane.queued >= longestQueue) return { admitted: false, retryAfterSeconds: 1 }
    this.#lanes.set(key, lane)
    lane.queued += 1
    const mine = lane.turn.then(() => askInTurn(lane, ask))
    lane.turn = mine.catch(() => {}) // whoever asked hears of the failure; the next in line asks for itself
    try {
      return await mine
    } finally {
      lane.queued -= 1
      this.#sweep(key, lane)
    }
  }

  /** An admitted attempt is settled, one way or the other. */
  leave(key: string): void {
    const lane = this.#lanes.get(key)
    if (!lane) return
    lane.underWay = Math.max(0, lane.underWay - 1)
    lane.wake?.()
    this.#sweep(key, lane)
  }

  /** How many lanes are in use; none when nobody is signing in. */
  get size(): number {
    return this.#lanes.size
  }

  #sweep(key: string, lane: Lane): void {
    if (lane.underWay === 0 && lane.queued === 0) this.#lanes.delete(key)
  }
}

/** Each round but the last waits for one attempt under way to end, and none begins meanwhile: it comes to an end. */
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
