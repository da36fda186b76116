import { nextRotations } from '../keys/key-view.ts'
import { fromNow } from '../moment.ts'
import type { Check, Finding } from './check.ts'

/** A due step may wait for the next run of the schedule. A step that is an hour late is overdue. */
const graceSeconds = 3600

export const keysCheck: Check = {
  name: 'signing keys',
  async look({ keyring, database }, { printer }): Promise<Finding> {
    const keys = await keyring.list()
    if (keys.length === 0) {
      return {
        outcome: 'warning',
        found: 'There is no key yet.',
        mend: `The first start creates them: ${printer.program} start`,
      }
    }
    const { now } = await database.describe()
    const algorithms = [...new Set(keys.map(({ alg }) => alg))]
    const lacking = algorithms.filter((alg) => !keys.some((key) => key.alg === alg && key.state === 'active'))
    if (lacking.length > 0) {
      return {
        outcome: 'failed',
        found: `No key signs for ${lacking.join(', ')}.`,
        mend: `The next start creates one: ${printer.program} start`,
      }
    }
    const next = await nextRotations(keyring, keys)
    const overdue = [...next].filter(([, at]) => at && now.getTime() - at.getTime() > graceSeconds * 1000)
    if (overdue.length > 0) {
      const list = overdue.map(([alg, at]) => `${alg} (due ${fromNow(at, now)})`).join(', ')
      return {
        outcome: 'warning',
        found: `A rotation is overdue: ${list}.`,
        mend: `A running server rotates automatically: check that one is running. To rotate now: ${printer.program} keys rotate`,
      }
    }
    const doubts = keyring.doubts()
    if (doubts.length > 0) return { outcome: 'warning', found: doubts.join(' ') }
    const plan = [...next].map(([alg, at]) => `${alg} rotates ${fromNow(at, now)}`).join(', ')
    return { outcome: 'ok', found: `${algorithms.join(' and ')} sign; ${plan}.` }
  },
}

export const keyEncryptionKeyCheck: Check = {
  name: 'key-encryption key',
  async look({ keyring }): Promise<Finding> {
    const { configured, stored } = await keyring.fingerprints()
    if (stored === undefined)
      return { outcome: 'ok', found: `Fingerprint ${configured}; no stored key is wrapped under it yet.` }
    if (configured === stored)
      return { outcome: 'ok', found: `Fingerprint ${configured}; the stored keys are wrapped under it.` }
    return {
      outcome: 'failed',
      found: `The configured key has fingerprint ${configured}, but stored keys are wrapped under ${stored}.`,
      mend: `Put the key with fingerprint ${stored} into CLAVIGER_KEY_ENCRYPTION_KEY (or its _FILE) again, from your backup.`,
    }
  },
}
