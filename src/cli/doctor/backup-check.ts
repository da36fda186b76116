import type { Check, Finding } from './check.ts'

/** A note, not a fault: a backup needs the database and the key-encryption key, and neither is usable alone. */
export const backupCheck: Check = {
  name: 'backup',
  async look({ database, keyring }): Promise<Finding> {
    const { where } = await database.describe()
    const { configured } = await keyring.fingerprints()
    return {
      outcome: 'note',
      found: `Back up the database (${where}) and, apart from it, the key-encryption key ${configured}.`,
      mend: 'Without that key the signing keys in the dump cannot be decrypted, and every session and token is lost.',
    }
  },
}

export const administratorCheck: Check = {
  name: 'administrator',
  async look({ accounts }, { printer }): Promise<Finding> {
    if (await accounts.hasAdmin()) return { outcome: 'ok', found: 'An administrator exists.' }
    return {
      outcome: 'warning',
      found: 'No administrator exists.',
      mend: `${printer.program} admin create you@example.org`,
    }
  },
}
