/** The law of a key's life, which the store holds (the migration has it in full), and what its refusals mean to people. */
import { Failure } from '../../errors/failure.ts'

/** Named as the database names them: SQLSTATE of the triggers. */
const LAWS: Record<string, string> = {
  KEY01: 'A key begins as the standby of its algorithm, or as the first one that signs',
  KEY02:
    'A key goes from pending to active, retired and removed, or is revoked, and never back; what has signed retires before it is removed',
  KEY03: 'The key has not been published for its lead yet; `keys rotate --now` skips it in an emergency',
  KEY04: 'What the key signed may still be alive: `keys list` shows when it may be removed',
  KEY05: 'What was once written about a key stays',
  KEY06: 'Keys are history: they are removed or revoked, never deleted',
  KEY07: 'An algorithm always has both a key that signs and a standby',
}

/** The store said no. `law` is one of the names above, or that of a constraint. */
export function refusedByLaw(law: string, cause?: unknown): Failure {
  if (law === 'KEY08') {
    return new Failure(
      'key_encryption_key_outdated',
      'conflict',
      'The database rests under another key-encryption key by now. Give this process the one in CLAVIGER_KEY_ENCRYPTION_KEY that `secrets rotate` made; nothing was changed.',
      { cause, detail: { law } },
    )
  }
  const sentence = LAWS[law] ?? `The constraint ${law} refused it; \`keys list\` shows the keys as they are`
  return new Failure('key_law_broken', 'conflict', `This change of the keys is not allowed. ${sentence}.`, {
    cause,
    detail: { law },
  })
}
