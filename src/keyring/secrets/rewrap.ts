/** `secrets rotate`: reseals every sealed value under another key-encryption key. */
import { Failure } from '../../errors/failure.ts'
import { Envelope, fingerprintOf } from '../vaults/envelope.ts'
import type { SealedStore } from './secret-store.ts'

export interface Rewrapped {
  rows: number
  /** Fingerprint of the new key-encryption key. */
  fingerprint: string
}

/**
 * Runs in one transaction: either every value is sealed under the new key, or nothing changes. Running nodes keep the
 * keys that they have opened. They read their key-encryption keys again when they find the new fingerprint, so a node
 * needs both keys only until the rotation is done.
 * @throws Failure `key_encryption_key_wrong` when the old key does not open every row; nothing is changed then
 */
export async function rewrap(
  store: SealedStore,
  oldKeks: readonly Uint8Array[],
  newKek: Uint8Array,
): Promise<Rewrapped> {
  const fingerprint = fingerprintOf(newKek)
  if (oldKeks.some((kek) => fingerprintOf(kek) === fingerprint)) {
    throw new Failure(
      'key_encryption_key_unchanged',
      'invalid',
      `The new key-encryption key is the one in use (${fingerprint}). Give another one.`,
    )
  }
  const before = await Envelope.open(() => oldKeks)
  const after = await Envelope.open(() => [newKek])
  const rows = await store.resealAll(async ({ kid, purpose, sealed }) => {
    // An earlier attempt, whose response was lost, has already resealed this row.
    if (sealed.fingerprint === fingerprint) return sealed
    return after.seal({ kid, purpose }, await before.open({ kid, purpose }, sealed))
  })
  return { rows, fingerprint }
}
