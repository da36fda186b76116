/** `secrets rotate`: everything sealed is sealed anew under another key-encryption key, all at once. */
import { Failure } from '../../errors/failure.ts'
import { Envelope, fingerprintOf } from '../vaults/envelope.ts'
import type { SealedStore } from './secret-store.ts'

export interface Rewrapped {
  rows: number
  /** Fingerprint of the key-encryption key from now on. */
  fingerprint: string
}

/**
 * One transaction: either all of it rests under the new key or nothing changed. Running nodes hold what they opened,
 * and read their key-encryption keys again when they meet the new fingerprint, so they need both only while it lasts.
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
    // Done by an earlier attempt whose answer got lost.
    if (sealed.fingerprint === fingerprint) return sealed
    return after.seal({ kid, purpose }, await before.open({ kid, purpose }, sealed))
  })
  return { rows, fingerprint }
}
