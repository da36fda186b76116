/** How the deployment's secrets other than signing keys are stored. */
import type { Sealed } from '../vaults/envelope.ts'

export interface StoredSecret {
  name: string
  /** Counts up from 1; the highest is the newest. */
  generation: number
  sealed: Sealed
  createdAt: Date
}

export interface SecretStore {
  /** Newest first, with the store's current time. */
  list(name: string): Promise<{ secrets: StoredSecret[]; now: Date }>
  /** False when another node has already added that generation. Of racing nodes one succeeds. */
  add(name: string, generation: number, sealed: Sealed): Promise<boolean>
  forget(name: string, generation: number): Promise<void>
}

/** One sealed value in the database: a signing key or a secret. */
export interface SealedRow {
  /** The `kid` of its binding. */
  kid: string
  purpose: 'signing-key' | 'secret'
  sealed: Sealed
}

export interface SealedStore {
  /** Replaces every sealed value by the result of `reseal`, all in one transaction. Returns the number of values. */
  resealAll(reseal: (row: SealedRow) => Promise<Sealed>): Promise<number>
  /** Fingerprints of the key-encryption keys in use, each with its number of rows. */
  countByFingerprint(): Promise<{ fingerprint: string; rows: number }[]>
}
