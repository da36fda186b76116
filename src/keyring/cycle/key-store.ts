/** The store that the keyring needs. The store itself enforces the rules of the life cycle. */
import type { SigningKey } from '../live/signing-key.ts'

/** The keys and the store's current time. The store's clock decides, never a node's own. */
export interface KeySnapshot {
  readonly keys: readonly SigningKey[]
  readonly now: Date
  /** The app for which each standby signs first, once its lead is over. */
  readonly canary: string | undefined
}

/** One change of the keys: invisible before its commit, and atomic. */
export interface KeyLedger extends KeySnapshot {
  insert(key: SigningKey): Promise<void>
  update(kid: string, changes: Partial<Omit<SigningKey, 'kid'>>): Promise<void>
  nameCanary(clientId: string | undefined): Promise<void>
}

export type Patience =
  /** Return at once when another change runs (for a scheduled step, which the other node is taking). */
  | 'give-up'
  /** Wait for the other change (for an emergency). */
  | 'wait'

/** Returned by `change` when another change was running. */
export const BUSY = Symbol('another node is changing the keys')

export interface KeyStore {
  /** All keys of all states, oldest first. */
  read(): Promise<KeySnapshot>
  /**
   * Runs `work` while no other process changes the keys. An error in `work` undoes the whole change.
   * @throws Failure `key_law_broken` when the result is not allowed
   */
  change<T>(patience: Patience, work: (ledger: KeyLedger) => Promise<T>): Promise<T | typeof BUSY>
}
