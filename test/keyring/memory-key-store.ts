/**
 * Keys in a Map with a clock that the test sets, under the rules that the database enforces. The contract suite tests
 * it.
 */
import { Failure } from '../../src/errors/failure.ts'
import { refusedByLaw } from '../../src/keyring/cycle/key-law.ts'
import {
  BUSY,
  type KeyLedger,
  type KeySnapshot,
  type KeyStore,
  type Patience,
} from '../../src/keyring/cycle/key-store.ts'
import type { KeyState, SigningKey } from '../../src/keyring/live/signing-key.ts'

const WAYS: Record<KeyState, readonly KeyState[]> = {
  pending: ['active', 'retired', 'removed', 'revoked'],
  active: ['retired', 'revoked'],
  retired: ['removed', 'revoked'],
  removed: [],
  revoked: [],
}

export class MemoryKeyStore implements KeyStore {
  keys: readonly SigningKey[] = []
  now = new Date('2030-01-01T00:00:00Z')
  canary: string | undefined
  #queue: Promise<unknown> = Promise.resolve()
  #changing = 0

  advance(seconds: number): void {
    this.now = new Date(this.now.getTime() + seconds * 1000)
  }

  async read(): Promise<KeySnapshot> {
    return { keys: this.keys, now: this.now, canary: this.canary }
  }

  change<T>(patience: Patience, work: (ledger: KeyLedger) => Promise<T>): Promise<T | typeof BUSY> {
    if (patience === 'give-up' && this.#changing > 0) return Promise.resolve(BUSY)
    this.#changing++
    const result = this.#queue.then(() => this.#run(work)).finally(() => this.#changing--)
    this.#queue = result.catch(() => {})
    return result
  }

  async #run<T>(work: (ledger: KeyLedger) => Promise<T>): Promise<T> {
    const ledger = new MemoryLedger(await this.read())
    const result = await work(ledger)
    ledger.commit()
    this.keys = ledger.keys
    this.canary = ledger.canary
    return result
  }
}

class MemoryLedger implements KeyLedger {
  keys: readonly SigningKey[]
  readonly now: Date
  canary: string | undefined

  constructor({ keys, now, canary }: KeySnapshot) {
    this.keys = keys
    this.now = now
    this.canary = canary
  }

  async nameCanary(clientId: string | undefined): Promise<void> {
    this.canary = clientId
  }

  async insert(key: SigningKey): Promise<void> {
    const siblings = this.keys.filter(({ alg }) => alg === key.alg)
    if (this.keys.some(({ kid }) => kid === key.kid)) refuse('signing_keys_pkey')
    if (this.keys.some(({ sealed, fingerprint }) => sealed !== null && fingerprint !== key.fingerprint)) refuse('KEY08')
    if (key.state === 'removed' || key.state === 'revoked') refuse('KEY01')
    if (key.state === 'retired' && key.reason !== 'imported') refuse('KEY01')
    if (key.canaryAt) refuse('KEY01')
    if (key.state === 'active' && siblings.length > 0 && !inEmergency(key)) refuse('KEY01')
    this.#keep([...this.keys, key])
  }

  async update(kid: string, changes: Partial<Omit<SigningKey, 'kid'>>): Promise<void> {
    const before = this.keys.find((key) => key.kid === kid)
    if (!before) throw new Failure('key_unknown', 'missing', `There is no key ${kid}.`)
    const after = { ...before, ...changes }
    const fixed = ['alg', 'publicJwk', 'createdAt', 'publishAt', 'promotableAt'] as const
    if (fixed.some((member) => String(after[member]) !== String(before[member]))) refuse('KEY05')
    const once = ['activeAt', 'retiredAt', 'canaryAt'] as const
    if (once.some((member) => before[member] && Number(after[member]) !== Number(before[member]))) refuse('KEY05')
    if (before.removableAt && Number(after.removableAt) < Number(before.removableAt)) refuse('KEY05')
    if (after.canaryAt && !before.canaryAt) {
      if (before.state !== 'pending' || after.state !== 'pending') refuse('KEY02')
      if (this.now < before.promotableAt || after.canaryAt < before.promotableAt) refuse('KEY03')
    }
    if (after.state !== before.state) this.#judge(before, after)
    this.#keep(this.keys.map((key) => (key.kid === kid ? after : key)))
  }

  /** Checks that need the complete change. */
  commit(): void {
    for (const alg of new Set(this.keys.map((key) => key.alg))) {
      const has = (state: KeyState) => this.keys.some((key) => key.alg === alg && key.state === state)
      if (has('active') !== has('pending')) refuse('KEY07')
    }
  }

  #judge(before: SigningKey, after: SigningKey): void {
    if (!WAYS[before.state].includes(after.state)) refuse('KEY02')
    if (before.state === 'pending' && after.state === (before.canaryAt ? 'removed' : 'retired')) refuse('KEY02')
    if (after.state === 'active' && !inEmergency(after) && this.now < before.promotableAt) refuse('KEY03')
    if (before.state === 'retired' && after.state === 'removed' && this.now < (before.removableAt as Date))
      refuse('KEY04')
  }

  #keep(keys: readonly SigningKey[]): void {
    for (const key of keys) {
      const gone = key.state === 'removed' || key.state === 'revoked'
      if ((key.sealed === null) !== gone) refuse('signing_key_private_half_goes')
    }
    for (const state of ['active', 'pending']) {
      const algorithms = keys.filter((key) => key.state === state).map(({ alg }) => alg)
      if (new Set(algorithms).size < algorithms.length) refuse(`one_${state}_key_per_algorithm`)
    }
    this.keys = keys
  }
}

const inEmergency = ({ reason }: SigningKey): boolean => reason?.startsWith('emergency:') === true

function refuse(law: string): never {
  throw refusedByLaw(law)
}
