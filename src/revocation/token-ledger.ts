/** What the ledger of issued tokens is asked; `storage/revocation/token-ledger.ts` implements it. */
import type { Entry } from './revocation.ts'

/** Indices from `first` on that nobody else was given. */
export interface StatusLease {
  list: number
  first: number
}

export interface TokenLedger {
  lease(size: number): Promise<StatusLease>
  /** Lists that a living token may name. */
  livingLists(): Promise<number[]>
  /**
   * Finds the places of living tokens that these entries void, and hands them over a list at a time, so that a mass
   * revocation is never in memory as a whole.
   */
  findVoid(entries: readonly Entry[], take: (list: number, indices: readonly number[]) => void): Promise<void>
}
