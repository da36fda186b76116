/** A key store whose process is killed during a change, as often as the test requires. */
import type { BUSY, KeyLedger, KeySnapshot, KeyStore, Patience } from '../../src/keyring/cycle/key-store.ts'

export class Killed extends Error {}

export class CrashingKeyStore implements KeyStore {
  readonly #store: KeyStore
  /** The next change is killed after this many writes; with 'commit', after all writes but before the commit. */
  crashAfter: number | 'commit' | undefined

  constructor(store: KeyStore) {
    this.#store = store
  }

  read(): Promise<KeySnapshot> {
    return this.#store.read()
  }

  change<T>(patience: Patience, work: (ledger: KeyLedger) => Promise<T>): Promise<T | typeof BUSY> {
    const crashAfter = this.crashAfter
    this.crashAfter = undefined
    if (crashAfter === undefined) return this.#store.change(patience, work)
    return this.#store.change(patience, async (ledger) => {
      const result = await work(crashAfter === 'commit' ? ledger : new DoomedLedger(ledger, crashAfter))
      if (crashAfter === 'commit') throw new Killed('killed before the commit')
      return result
    })
  }
}

class DoomedLedger implements KeyLedger {
  readonly #ledger: KeyLedger
  #writesLeft: number

  constructor(ledger: KeyLedger, writesLeft: number) {
    this.#ledger = ledger
    this.#writesLeft = writesLeft
  }

  get keys() {
    return this.#ledger.keys
  }

  get now() {
    return this.#ledger.now
  }

  get canary() {
    return this.#ledger.canary
  }

  insert(...parameters: Parameters<KeyLedger['insert']>): Promise<void> {
    this.#write()
    return this.#ledger.insert(...parameters)
  }

  update(...parameters: Parameters<KeyLedger['update']>): Promise<void> {
    this.#write()
    return this.#ledger.update(...parameters)
  }

  nameCanary(...parameters: Parameters<KeyLedger['nameCanary']>): Promise<void> {
    this.#write()
    return this.#ledger.nameCanary(...parameters)
  }

  #write(): void {
    if (this.#writesLeft-- <= 0) throw new Killed('killed in the middle')
  }
}
