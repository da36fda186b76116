/** Rows leave in small batches, so that nobody waits for them and the log stays short. */
import { setTimeout as wait } from 'node:timers/promises'

export interface BatchOptions {
  /** Rows a statement. */
  batch?: number
  /** Statements a call; what is left waits for the next call. */
  mostBatches?: number
  /** Waits between two statements. */
  pause?(milliseconds: number): Promise<unknown>
}

/** What a statement that removes answers with, in one row. */
export interface Gone<Place> {
  removed: number
  /** Where the last of them stood in the order in which they go; null where there was none. */
  reached: Place | null
}

/** Millions of rows take a while, and requests go on meanwhile: most of that time is theirs. */
const pausesPerBatch = 10
const longestPauseMs = 1_000

/**
 * Removes until a batch is not full, and says how many rows that were. What was removed stays in the index until it is
 * vacuumed, and a batch that began at the start would read all of it again: so each begins where the one before it ended.
 */
export async function inBatches<Place>(
  start: Place,
  remove: (from: Place, most: number) => Promise<{ rows: Gone<Place>[] }>,
  { batch = 1_000, mostBatches = 1_000, pause = wait }: BatchOptions = {},
): Promise<number> {
  let total = 0
  let from = start
  for (let round = 0; round < mostBatches; round += 1) {
    const started = performance.now()
    const { removed, reached } = (await remove(from, batch)).rows[0] ?? { removed: 0, reached: null }
    total += removed
    if (reached === null || removed < batch) break
    from = reached
    await pause(Math.min(longestPauseMs, pausesPerBatch * (performance.now() - started)))
  }
  return total
}
