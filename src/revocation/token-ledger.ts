/** The ledger of issued tokens; `storage/revocation/token-ledger.ts` implements it. */
import type { Entry } from './revocation.ts'

/** A block of indices from `first` on, leased to one caller only. */
export interface StatusLease {
  list: number
  first: number
}

export interface TokenLedger {
  lease(size: number): Promise<StatusLease>
  /** Lists that an unexpired token may name. */
  livingLists(): Promise<number[]>
  /**
   * Finds the indices of unexpired tokens that these entries revoke. Passes them to `take` one list at a time, so that
   * a mass revocation is never completely in memory.
   */
  findVoid(entries: readonly Entry[], take: (list: number, indices: readonly number[]) => void): Promise<void>
}
