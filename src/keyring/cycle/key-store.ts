/** What the keyring needs kept. The law of the life cycle holds in the store itself, not only in our code. */
import type { SigningKey } from '../live/signing-key.ts'

/** The keys as they are, and what the time was where they are kept: that clock decides, never a node's own. */
export interface KeySnapshot {
  readonly keys: readonly SigningKey[]
  readonly now: Date
  /** The app for which each standby signs first, once its lead is over. */
  readonly canary: string | undefined
}

/** One change of the keys, seen by nobody before it is done, and done wholly or not at all. */
export interface KeyLedger extends KeySnapshot {
  insert(key: SigningKey): Promise<void>
  update(kid: string, changes: Partial<Omit<SigningKey, 'kid'>>): Promise<void>
  nameCanary(clientId: string | undefined): Promise<void>
}

export type Patience =
  /** Another is at it: give up at once (a scheduled step, which the other one is doing). */
  | 'give-up'
  /** Another is at it: wait for it (an emergency). */
  | 'wait'

/** What `change` gives when it gave up. */
export const BUSY = Symbol('another node is changing the keys')

export interface KeyStore {
  /** All keys of all states, oldest first. */
  read(): Promise<KeySnapshot>
  /**
   * Runs `work` while no other process changes the keys. Whatever it throws undoes all of it.
   * @throws Failure `key_law_broken` when the result is not allowed
   */
  change<T>(patience: Patience, work: (ledger: KeyLedger) => Promise<T>): Promise<T | typeof BUSY>
}
