/** What is kept of the deployment's secrets besides signing keys. */
import type { Sealed } from '../vaults/envelope.ts'

export interface StoredSecret {
  name: string
  /** Counts up from 1; the highest is the newest. */
  generation: number
  sealed: Sealed
  createdAt: Date
}

export interface SecretStore {
  /** Newest first, and the time where they are kept. */
  list(name: string): Promise<{ secrets: StoredSecret[]; now: Date }>
  /** False when another node has added that generation meanwhile: of racing nodes one wins. */
  add(name: string, generation: number, sealed: Sealed): Promise<boolean>
  forget(name: string, generation: number): Promise<void>
}

/** Whatever is sealed in the database, keys and secrets alike. */
export interface SealedRow {
  /** As its binding names it. */
  kid: string
  purpose: 'signing-key' | 'secret'
  sealed: Sealed
}

export interface SealedStore {
  /** Replaces every sealed value by what `reseal` makes of it, all in one transaction; gives how many. */
  resealAll(reseal: (row: SealedRow) => Promise<Sealed>): Promise<number>
  /** Fingerprints under which anything rests now, each with how many rows. */
  countByFingerprint(): Promise<{ fingerprint: string; rows: number }[]>
}
