/**
 * The rules of a key's life cycle, which the store enforces (the migration has them in full), and their explanations
 * for people.
 */
import { Failure } from '../../errors/failure.ts'

/** By the SQLSTATE of the database triggers. */
const LAWS: Record<string, string> = {
  KEY01: 'A key begins as the standby of its algorithm, or as its first active key',
  KEY02:
    'A key goes from pending to active, retired and removed, or is revoked, and never back; a key that has signed retires before it is removed',
  KEY03: 'The key has not been published for its lead yet; `keys rotate --now` skips it in an emergency',
  KEY04: 'A token that the key signed may still be valid: `keys list` shows when it may be removed',
  KEY05: 'The recorded history of a key cannot be changed',
  KEY06: 'The row of a key is never deleted: keys are removed from the JWKS or revoked',
  KEY07: 'An algorithm always has both an active key and a standby',
}

/** A refusal of the store. `law` is one of the names above, or that of a constraint. */
export function refusedByLaw(law: string, cause?: unknown): Failure {
  if (law === 'KEY08') {
    return new Failure(
      'key_encryption_key_outdated',
      'conflict',
      'The database is now wrapped under another key-encryption key. Set CLAVIGER_KEY_ENCRYPTION_KEY to the key that `secrets rotate` made. Nothing was changed.',
      { cause, detail: { law } },
    )
  }
  const sentence = LAWS[law] ?? `The constraint ${law} refused it; \`keys list\` shows the current keys`
  return new Failure('key_law_broken', 'conflict', `This change of the keys is not allowed. ${sentence}.`, {
    cause,
    detail: { law },
  })
}
