/** Removes rows in small batches, so that requests do not wait and the write-ahead log stays short. */
import { setTimeout as wait } from 'node:timers/promises'

export interface BatchOptions {
  /** Rows per statement. */
  batch?: number
  /** Statements per call; the remaining rows wait for the next call. */
  mostBatches?: number
  /** Waits between two statements. */
  pause?(milliseconds: number): Promise<unknown>
}

/** The single row that a removing statement returns. */
export interface Gone<Place> {
  removed: number
  /** Position of the last removed row in the order of removal; null if none was removed. */
  reached: Place | null
}

/** Each pause lasts this many times as long as its batch, so that requests get most of the database's time. */
const pausesPerBatch = 10
const longestPauseMs = 1_000

/**
 * Removes batches until one is not full, and returns the number of removed rows. Removed rows stay in the index until
 * vacuum. So each batch starts at the end of the previous one and does not read those index entries again.
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
