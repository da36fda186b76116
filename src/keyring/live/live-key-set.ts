/**
 * The keys in memory: opened once each, and replaced as a set when the database reports a change. Without the database
 * this node keeps the last set.
 */
import { inspect } from 'node:util'
import type { JWK } from 'jose'
import { nextPromotionAt } from '../cycle/key-plan.ts'
import type { KeyStore } from '../cycle/key-store.ts'
import { cacheSecondsOf, type KeyTimes, staleSecondsOf } from '../cycle/key-times.ts'
import type { KeyVault, OpenKey } from '../vaults/key-vault.ts'
import type { KeySet, KeySetSource, KeySigner, StandbySigner } from './key-set.ts'
import { inOrder, publicJwksOf, versionOf } from './published-keys.ts'
import type { SigningKey } from './signing-key.ts'

/** Notifies of changed rows. Storage's `Changes` implements it. */
export interface ChangeFeed {
  on(topic: 'keys', listener: () => Promise<void>): void
}

export interface LiveKeySetNeeds {
  store: Pick<KeyStore, 'read'>
  vault: Pick<KeyVault, 'open'>
  times: KeyTimes
  changes: ChangeFeed
  /** Called when a reload fails or a key cannot be opened. The current set is kept. */
  onError(reason: unknown): void
  now(): Date
  /** How often to reload without a notification; 30 s. */
  pollMilliseconds?: number
}

export interface KeyAge {
  alg: string
  ageSeconds: number
  rotationDueSeconds: number | undefined
}

export class LiveKeySet implements KeySetSource {
  readonly #needs: LiveKeySetNeeds
  readonly #opened = new Map<string, OpenKey>()
  readonly #listeners = new Set<(set: KeySet) => void>()
  #set: KeySet
  #keys: readonly SigningKey[] = []
  #reloading: Promise<void> | undefined
  #poll: NodeJS.Timeout | undefined
  #stopped = false
  #again = false
  /** How far the database's clock is ahead of this node's. */
  #aheadMilliseconds = 0

  private constructor(needs: LiveKeySetNeeds, set: KeySet) {
    this.#needs = needs
    this.#set = set
  }

  /**
   * Reads and opens every key, then follows the changes until `stop`.
   * @throws Failure when a key cannot be opened: a node does not start with an incomplete set
   */
  static async start(needs: LiveKeySetNeeds): Promise<LiveKeySet> {
    const live = new LiveKeySet(needs, emptySet)
    await live.#load((reason) => {
      throw reason
    })
    needs.changes.on('keys', () => live.reload())
    live.#poll = setInterval(() => void live.reload(), needs.pollMilliseconds ?? 30_000).unref()
    return live
  }

  current(): KeySet {
    return this.#set
  }

  /** For metrics: the age of each active key and the time to its next rotation, negative when that is overdue. */
  ages(): KeyAge[] {
    const now = Number(this.#needs.now()) + this.#aheadMilliseconds
    return this.#keys.flatMap((key) => {
      if (key.state !== 'active' || !key.activeAt) return []
      const due = nextPromotionAt(this.#keys, this.#needs.times, key.alg)
      return [
        {
          alg: key.alg,
          ageSeconds: (now - Number(key.activeAt)) / 1000,
          rotationDueSeconds: due && (Number(due) - now) / 1000,
        },
      ]
    })
  }

  onChange(listener: (set: KeySet) => void): () => void {
    this.#listeners.add(listener)
    return () => this.#listeners.delete(listener)
  }

  /** Reloads the rows. Calls during a reload share one further reload, which sees their changes. */
  async reload(): Promise<void> {
    if (this.#stopped) return
    if (this.#reloading) {
      this.#again = true
      return this.#reloading
    }
    this.#reloading = this.#reloadUntilQuiet().finally(() => {
      this.#reloading = undefined
    })
    return this.#reloading
  }

  stop(): void {
    this.#stopped = true
    clearInterval(this.#poll)
    this.#listeners.clear()
  }

  async #reloadUntilQuiet(): Promise<void> {
    do {
      this.#again = false
      try {
        await this.#load(this.#needs.onError)
      } catch (reason) {
        this.#needs.onError(reason)
      }
    } while (this.#again)
  }

  async #load(onUnopened: (reason: unknown) => void): Promise<void> {
    const asked = this.#needs.now()
    const { keys, now, canary } = await this.#needs.store.read()
    // Measured from before the query. The network delay makes the database seem ahead, so caches get less time, never
    // more.
    this.#aheadMilliseconds = Number(now) - Number(asked)
    const usable = keys.filter((key) => key.state !== 'removed' && key.state !== 'revoked')
    for (const key of usable.filter(({ kid }) => !this.#opened.has(kid))) {
      try {
        this.#opened.set(key.kid, await this.#needs.vault.open(key))
      } catch (reason) {
        onUnopened(reason)
      }
    }
    const usableKids = new Set(usable.map(({ kid }) => kid))
    for (const kid of this.#opened.keys()) if (!usableKids.has(kid)) this.#opened.delete(kid)
    // Publish only opened keys: without the key-encryption key, a writer to the database cannot add a key.
    const published = usable.filter(({ kid }) => this.#opened.has(kid))
    this.#keys = published
    if (isMadeOf(this.#set, published, canary, this.#needs.times)) return
    const set = new LoadedKeySet(
      published,
      canary,
      this.#opened,
      this.#needs.times,
      () => Number(this.#needs.now()) + this.#aheadMilliseconds,
    )
    this.#set = set
    for (const listener of this.#listeners) {
      try {
        listener(set)
      } catch (reason) {
        this.#needs.onError(reason)
      }
    }
  }
}

class LoadedKeySet implements KeySet {
  readonly version: string
  readonly publicJwks: { keys: JWK[] }
  readonly algorithms: readonly string[]
  readonly signers: readonly KeySigner[]
  readonly standbys: readonly StandbySigner[]
  readonly nextRotationAt: Date | undefined
  readonly canary: string | undefined
  readonly #times: KeyTimes
  /** The database's time as this node estimates it. */
  readonly #now: () => number

  constructor(
    keys: readonly SigningKey[],
    canary: string | undefined,
    opened: ReadonlyMap<string, OpenKey>,
    times: KeyTimes,
    now: () => number,
  ) {
    const forEngine = inOrder(keys.filter((key) => !isStandby(key))).map(({ kid }) => opened.get(kid) as OpenKey)
    this.standbys = inOrder(keys.filter(isStandby)).map((key) => ({
      ...(opened.get(key.kid) as OpenKey),
      onlyFor: canaryClientOf(key, canary),
    }))
    this.canary = canary
    this.version = versionOf(keys)
    this.publicJwks = publicJwksOf(keys)
    this.algorithms = inOrder(keys.filter(({ state }) => state === 'active')).map(({ alg }) => alg)
    this.signers = forEngine
    this.nextRotationAt = nextPromotionAt(keys, times)
    this.#times = times
    this.#now = now
  }

  get maxAgeSeconds(): number {
    const most = cacheSecondsOf(this.#times)
    if (!this.nextRotationAt) return most
    return Math.max(0, Math.min(most, Math.floor((Number(this.nextRotationAt) - this.#now()) / 1000)))
  }

  get staleSeconds(): number {
    return staleSecondsOf(this.#times)
  }

  /** Printing or serialising a set shows no private key: private keys exist only inside the functions that sign. */
  toJSON(): object {
    return {
      version: this.version,
      publicJwks: this.publicJwks,
      algorithms: this.algorithms,
      nextRotationAt: this.nextRotationAt,
    }
  }

  [inspect.custom](): object {
    return this.toJSON()
  }
}

const isStandby = ({ state }: SigningKey): boolean => state === 'pending'

/** The client for which a standby signs: the current canary, once the standby's canary period has begun. */
const canaryClientOf = ({ canaryAt }: SigningKey, canary: string | undefined): string | null =>
  (canaryAt && canary) || null

/** Whether the set has these keys, with the same schedule and canary. */
const isMadeOf = (set: KeySet, keys: readonly SigningKey[], canary: string | undefined, times: KeyTimes): boolean =>
  versionOf(keys) === set.version &&
  nextPromotionAt(keys, times)?.getTime() === set.nextRotationAt?.getTime() &&
  canary === set.canary &&
  keys
    .filter(isStandby)
    .every((key) => set.standbys.find(({ kid }) => kid === key.kid)?.onlyFor === canaryClientOf(key, canary))

const emptySet: KeySet = {
  version: '',
  publicJwks: { keys: [] },
  signers: [],
  standbys: [],
  nextRotationAt: undefined,
  maxAgeSeconds: 0,
  algorithms: [],
}
