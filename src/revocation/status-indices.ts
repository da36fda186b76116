/**
 * Assigns each token an index of its own in a status list. A block of indices is leased from the ledger, which never
 * leases an index twice, and used in random order. So neighbours in a list are unrelated.
 */
import { randomInt } from 'node:crypto'
import type { StatusPlace } from './status-place.ts'
import type { TokenLedger } from './token-ledger.ts'

export interface StatusIndicesNeeds {
  ledger: Pick<TokenLedger, 'lease'>
  /** The number of indices per lease. */
  blockSize?: number
}

interface Block {
  list: number
  indices: number[]
  leasedAt: number
}

/**
 * The ledger deletes a list one hour plus the lifetime of a token after its last lease: `tidy_token_ledger` in the
 * migration.
 */
const usableMs = 3_300_000

export class StatusIndices {
  readonly #needs: Required<StatusIndicesNeeds>
  #block: Block | undefined
  /** A block that is being leased. The first caller that needs it puts it into use. */
  #upcoming: Promise<Block> | undefined

  constructor({ ledger, blockSize = 4_096 }: StatusIndicesNeeds) {
    this.#needs = { ledger, blockSize }
  }

  /** @throws the ledger's error while it is unavailable */
  async next(): Promise<StatusPlace> {
    for (;;) {
      const place = this.#take()
      if (place) return place
      const upcoming = this.#prepare()
      const block = await upcoming
      if (this.#upcoming !== upcoming) continue
      this.#upcoming = undefined
      this.#block = block
    }
  }

  /** Drops the leased blocks after a change of the database, which may lease the same indices again. */
  drop(): void {
    this.#block = undefined
    this.#upcoming = undefined
  }

  #take(): StatusPlace | undefined {
    const block = this.#block
    if (!block || performance.now() - block.leasedAt > usableMs) return undefined
    const idx = block.indices.pop()
    if (block.indices.length <= this.#needs.blockSize >>> 2) this.#prepare()
    return idx === undefined ? undefined : { list: block.list, idx }
  }

  #prepare(): Promise<Block> {
    if (this.#upcoming) return this.#upcoming
    const leasing = this.#lease()
    this.#upcoming = leasing
    leasing.catch(() => {
      if (this.#upcoming === leasing) this.#upcoming = undefined
    })
    return leasing
  }

  async #lease(): Promise<Block> {
    const { ledger, blockSize } = this.#needs
    const leasedAt = performance.now()
    const { list, first } = await ledger.lease(blockSize)
    return { list, indices: shuffled(first, blockSize), leasedAt }
  }
}

function shuffled(first: number, size: number): number[] {
  const indices = Array.from({ length: size }, (_, index) => first + index)
  for (let last = size - 1; last > 0; last -= 1) {
    const other = randomInt(last + 1)
    const moved = indices[last] as number
    indices[last] = indices[other] as number
    indices[other] = moved
  }
  return indices
}
