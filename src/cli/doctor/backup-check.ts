import type { Check, Finding } from './check.ts'

/** Not a fault to find but a thing to know: the two halves that are worth nothing without each other. */
export const backupCheck: Check = {
  name: 'backup',
  async look({ database, keyring }): Promise<Finding> {
    const { where } = await database.describe()
    const { configured } = await keyring.fingerprints()
    return {
      outcome: 'note',
      found: `Back up the database (${where}) and, apart from it, the key-encryption key ${configured}.`,
      mend: 'Without that key the signing keys in the dump cannot be opened: every session and token would be lost.',
    }
  },
}

export const administratorCheck: Check = {
  name: 'administrator',
  async look({ accounts }, { printer }): Promise<Finding> {
    if (await accounts.hasAdmin()) return { outcome: 'ok', found: 'There is one.' }
    return { outcome: 'warning', found: 'There is none yet.', mend: `${printer.program} admin create you@example.org` }
  },
}
