/**
 * A node of a key deployment in a process of its own: at each line it takes the due step and prints how many steps it
 * took. Told so by its last argument, it kills itself at a write of that step, as `kill -9` would; or it waits there.
 */
import { createInterface } from 'node:readline'
import { Envelope } from '../../../src/keyring/envelope.ts'
import type { KeyLedger, KeyStore } from '../../../src/keyring/key-store.ts'
import { LocalKeyVault } from '../../../src/keyring/key-vault.ts'
import { Keyring } from '../../../src/keyring/keyring.ts'
import { openDatabase } from '../../../src/storage/connection/database.ts'
import { PostgresKeyStore } from '../../../src/storage/keys/key-store.ts'

const [url = '', kek = '', manner = 'lives'] = process.argv.slice(2)

/** `dies-at-2`: after two writes. `dies-at-commit`: all is written. `waits-at-1`: after one write, until it is ended. */
const [, what, when] = /^(dies|waits)-at-(\w+)$/.exec(manner) ?? []

async function stopHere(): Promise<void> {
  if (what === 'dies') process.kill(process.pid, 'SIGKILL')
  process.stdout.write('in the middle\n')
  await new Promise((resolve) => setTimeout(resolve, 3_000))
}

class InterruptedLedger implements KeyLedger {
  readonly #ledger: KeyLedger
  #writes = 0

  constructor(ledger: KeyLedger) {
    this.#ledger = ledger
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

  async insert(...given: Parameters<KeyLedger['insert']>): Promise<void> {
    await this.#pass()
    await this.#ledger.insert(...given)
  }

  async update(...given: Parameters<KeyLedger['update']>): Promise<void> {
    await this.#pass()
    await this.#ledger.update(...given)
  }

  async nameCanary(...given: Parameters<KeyLedger['nameCanary']>): Promise<void> {
    await this.#pass()
    await this.#ledger.nameCanary(...given)
  }

  async #pass(): Promise<void> {
    if (when === String(this.#writes++)) await stopHere()
  }
}

const db = openDatabase({ url, poolSize: 1 })
const postgres = new PostgresKeyStore(db)
const store: KeyStore = {
  read: () => postgres.read(),
  change: (patience, work) =>
    postgres.change(patience, async (ledger) => {
      const result = await work(new InterruptedLedger(ledger))
      if (when === 'commit') await stopHere()
      return result
    }),
}

const times = {
  rotationIntervalSeconds: 30 * 86_400,
  publishLeadSeconds: 86_400,
  longestTokenSeconds: 600,
  // Longer than all the months of the test, so that no key leaves meanwhile.
  longestSessionSeconds: 3 * 366 * 86_400,
  skewSeconds: 60,
}
const vault = new LocalKeyVault(await Envelope.open(() => [Buffer.from(kek, 'base64url')]))
const keyring = new Keyring({ store, vault, times, algorithms: ['ES256'], audit: { write: () => {} } })
await keyring.ensureKeys()
process.stdout.write('ready\n')
for await (const _ of createInterface({ input: process.stdin })) {
  const told = await keyring.runDueStep().then(
    (steps) => String(steps.length),
    (error: { code?: string }) => `failed: ${error.code}`,
  )
  if (when === 'end' && what === 'dies') process.kill(process.pid, 'SIGKILL')
  process.stdout.write(`${told}\n`)
}
await db.close()
