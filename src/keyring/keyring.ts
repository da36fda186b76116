/**
 * keyring makes, publishes, rotates, retires and revokes signing keys, and keeps the deployment's other secrets.
 * It never issues tokens; `oidc` does. Keys rest in the database, wrapped; the database also holds the law of
 * their life (see the migration), so that a fault here cannot break it. Any node may take any step: a lock in
 * the store lets exactly one at a time, the rows are read under it, and the database's clock decides.
 */
import type { JWK } from 'jose'
import { Failure } from '../errors/failure.ts'
import { ALWAYS_ON, getSigningAlgorithm } from './cycle/algorithms.ts'
import { type ChangeNeeds, type ChangeOptions, changeKeys, type KeyChange } from './cycle/change-keys.ts'
import { readForeignKey } from './cycle/import-key.ts'
import { type KeyStep, type KeyTask, later, nextPromotionAt, planSteps, proofOf, tasksOf } from './cycle/key-plan.ts'
import { type KeyRow, rowOf } from './cycle/key-row.ts'
import type { KeyChangeInMaking } from './cycle/key-steps.ts'
import { BUSY, type KeySnapshot, type Patience } from './cycle/key-store.ts'
import { checkKeyTimes, type KeyTimes } from './cycle/key-times.ts'
import { getPublished, inOrder, publicJwksOf, rankedAlgorithms } from './live/published-keys.ts'
import { emergency, findActive, findStandby, isPublished } from './live/signing-key.ts'
import { type CanaryReport, type CanaryUseStore, canaryReport } from './readiness/canary.ts'
import { type KeyReadiness, readinessOf, type SightingStore } from './readiness/jwks-sightings.ts'
import type { KeyVault } from './vaults/key-vault.ts'

export interface KeyringNeeds extends ChangeNeeds {
  vault: KeyVault
  times: KeyTimes
  /** From `algorithmsInUse`. */
  algorithms: readonly string[]
  /** Who has fetched which keys; without it nobody is counted and no promotion is held. */
  sightings?: Pick<SightingStore, 'read'>
  /** What the canary's token requests tell. */
  canaryUses?: Pick<CanaryUseStore, 'read'>
  /** How long a scheduled promotion waits for a verifier that has not fetched the standby yet, or met it unknown; 0 when absent. */
  holdSeconds?: number
}

export class Keyring {
  readonly #needs: KeyringNeeds

  /** @throws Failure `key_times_contradict` */
  constructor(needs: KeyringNeeds) {
    const faults = checkKeyTimes(needs.times)
    if (faults.length > 0)
      throw new Failure('key_times_contradict', 'invalid', faults.join(' '), { detail: { faults } })
    this.#needs = needs
  }

  /**
   * At start: proves that every key can be opened, then makes what is missing (a key that signs and a standby an algorithm).
   * @throws Failure `key_encryption_key_wrong` and changes nothing
   */
  async ensureKeys(): Promise<void> {
    const { keys } = await this.#needs.store.read()
    for (const key of keys.filter(isPublished)) await this.#needs.vault.open(key)
    const lacking = this.#needs.algorithms.some((alg) => !findActive(keys, alg) || !findStandby(keys, alg))
    if (!lacking) return
    await changeKeys(this.#needs, 'wait', {}, async (change) => {
      for (const alg of this.#needs.algorithms) await change.complete(alg)
    })
  }

  /** Takes every step that is due. Gives what was done: nothing when nothing was due or another node is at it. */
  async runDueStep(): Promise<KeyStep[]> {
    const found = await this.#needs.store.read()
    const due = this.#dueTasks(found)
    if (due.length === 0) return []
    const held = await this.#heldBack(due, found)
    if (due.every((task) => task.do === 'promote' && held.has(task.alg))) return []
    const done = await changeKeys(this.#needs, 'give-up', {}, async (change) => {
      // Read again under the lock: of many nodes that saw it due, the first has done it.
      for (const task of this.#dueTasks(change)) {
        if (task.do !== 'promote' || !held.has(task.alg)) await change.perform(task)
      }
    })
    return done === BUSY ? [] : done.steps
  }

  /**
   * Has the standby sign: at once where its publish lead is over, else as soon as it is.
   * @param options.now skips the lead: verifiers that do not fetch again for an unknown kid refuse its tokens for a while
   */
  async rotate(options: ChangeOptions & { alg?: string; now?: boolean } = {}): Promise<KeyChange> {
    const only = options.alg === undefined ? undefined : getSigningAlgorithm(options.alg)
    return this.#changeAlone(options, async (change) => {
      const algorithms = rankedAlgorithms(change.keys).filter((alg) => only === undefined || alg === only)
      if (algorithms.length === 0) {
        throw new Failure(
          'signing_algorithm_unused',
          'missing',
          `There are no keys${only ? ` for ${only}` : ''}; \`keys list\` shows what there is.`,
        )
      }
      for (const alg of algorithms) {
        const standby = findStandby(change.keys, alg)
        if (!standby || standby.promotableAt <= change.now) await change.promote(alg, 'rotated by hand')
        else if (options.now) await change.promote(alg, emergency('rotated by hand before the publish lead was over'))
        else await change.bringForward(standby)
      }
    })
  }

  /** Takes a key out of the JWKS at once and for ever; where it signed, the standby goes on in the same transaction. */
  async revoke(kid: string, options: ChangeOptions & { compromised: boolean }): Promise<KeyChange> {
    if (!options.compromised) {
      throw new Failure(
        'revocation_unconfirmed',
        'invalid',
        `Revoking ${kid} makes everything it signed void at once. If it leaked, say so with --compromised; if not, use \`keys rotate\`.`,
      )
    }
    return this.#changeAlone({ ...options, patience: 'wait' }, (change) =>
      change.revoke(getPublished(change.keys, kid), emergency('compromised')),
    )
  }

  /** The whole store leaked: every key is revoked and replaced by fresh ones, which no cache holds yet. */
  async revokeAll(options: ChangeOptions & { compromised: boolean }): Promise<KeyChange> {
    if (!options.compromised) {
      throw new Failure(
        'revocation_unconfirmed',
        'invalid',
        'Revoking all keys makes every token void at once. Say --compromised if that is meant.',
      )
    }
    return this.#changeAlone({ ...options, patience: 'wait' }, async (change) => {
      // The standbys first, so that none of them takes over.
      const leaked = change.keys.filter(isPublished)
      for (const alg of rankedAlgorithms(leaked)) await change.replaceAll(alg, emergency('all keys compromised'))
    })
  }

  /** @throws Failure `key_still_needed` before `removable_at` */
  async remove(kid: string, options: ChangeOptions = {}): Promise<KeyChange> {
    return this.#changeAlone(options, async (change) => {
      const key = getPublished(change.keys, kid)
      if (key.state !== 'retired' || !key.removableAt) {
        const hint = key.state === 'active' ? 'It signs: rotate first' : 'It is the standby, which is always published'
        throw new Failure(
          'key_in_use',
          'conflict',
          `${kid} cannot be removed. ${hint}, or revoke it with --compromised if it leaked.`,
        )
      }
      if (key.removableAt > change.now) {
        throw new Failure(
          'key_still_needed',
          'conflict',
          `${kid} cannot be removed before ${key.removableAt.toISOString()}: what it signed may be alive until then. If it leaked, revoke it with --compromised.`,
        )
      }
      await change.remove(key, 'removed by hand')
    })
  }

  /**
   * Takes in a private key made elsewhere (PEM or JWK), as the next standby, or only to verify what it signed.
   * It keeps its kid where it has one, so that tokens that live already find it.
   */
  async import(options: ChangeOptions & { key: string; alg?: string; as?: 'standby' | 'retired' }): Promise<KeyChange> {
    const { pair, alg } = await readForeignKey(options.key, options.alg)
    return this.#changeAlone(options, async (change) => {
      if (change.keys.some((key) => key.kid === pair.kid)) {
        throw new Failure(
          'key_already_there',
          'conflict',
          `A key with the kid ${pair.kid} is there already; \`keys list\` shows its state.`,
        )
      }
      const isInUse = this.#needs.algorithms.includes(alg) || findActive(change.keys, alg) !== undefined
      if (options.as !== 'retired' && !isInUse) {
        throw new Failure(
          'signing_algorithm_unused',
          'conflict',
          `${alg} is not switched on, so the key would never sign. Switch it on first, or import the key with --as retired.`,
        )
      }
      await change.adopt(await this.#needs.vault.adopt(pair), alg, options.as ?? 'standby')
    })
  }

  /** Ends an algorithm that was switched on: its key retires and verifies as long as promised, its standby goes. */
  async switchOff(algorithm: string, options: ChangeOptions = {}): Promise<KeyChange> {
    const alg = getSigningAlgorithm(algorithm)
    if (ALWAYS_ON.includes(alg))
      throw new Failure('signing_algorithm_required', 'invalid', `${alg} is always on: verifiers count on it.`)
    if (this.#needs.algorithms.includes(alg)) {
      throw new Failure(
        'signing_algorithm_configured',
        'conflict',
        `${alg} is still switched on in the configuration, which would make new keys for it. Take it out there first.`,
      )
    }
    return this.#changeAlone(options, (change) => change.end(alg))
  }

  /** Names the app for which each standby signs first, as soon as its lead is over; `undefined`: none any more. */
  async nameCanary(clientId: string | undefined, options: ChangeOptions = {}): Promise<KeyChange> {
    return this.#changeAlone({ ...options, patience: 'wait' }, (change) => change.nameCanary(clientId))
  }

  /** How the canary does with the next keys. */
  async canary(): Promise<CanaryReport> {
    const found = await this.#needs.store.read()
    return canaryReport(found, (await this.#needs.canaryUses?.read()) ?? [], await this.#readinessOf(found))
  }

  /** Keys that stand in the JWKS or were revoked, in the order of the JWKS; with `all`, also those that were removed. */
  async list(options: { all?: boolean } = {}): Promise<KeyRow[]> {
    const { keys } = await this.#needs.store.read()
    return inOrder(keys.filter((key) => options.all || key.state !== 'removed')).map(rowOf)
  }

  /** When the next scheduled promotion falls due: of one algorithm, or of the whole set. */
  async nextRotationAt(alg?: string): Promise<Date | undefined> {
    const { keys } = await this.#needs.store.read()
    return nextPromotionAt(keys, this.#needs.times, alg)
  }

  /** The next events with their dates. */
  async schedule(): Promise<KeyStep[]> {
    const found = await this.#needs.store.read()
    return planSteps(tasksOf(found, this.#needs.algorithms, this.#needs.times), this.#needs.times, found.now)
  }

  /** Why none of the scheduled promotions can make a verifier that honours max-age fail: a sentence each, with the numbers. */
  async proof(): Promise<string[]> {
    const found = await this.#needs.store.read()
    return proofOf(tasksOf(found, [], this.#needs.times), this.#needs.times, found.now)
  }

  /** For each published key: how often it was fetched, by how many known verifiers, and who lacks the standby. */
  async readiness(): Promise<KeyReadiness[]> {
    return this.#readinessOf(await this.#needs.store.read())
  }

  /** The JWKS as it would be served now. */
  async publicJwks(): Promise<{ keys: JWK[] }> {
    return publicJwksOf((await this.#needs.store.read()).keys)
  }

  /** Fingerprint of what new keys are wrapped under, and of what the stored ones were. */
  async fingerprints(): Promise<{ configured: string; stored: string | undefined }> {
    const { keys } = await this.#needs.store.read()
    const stored = keys.filter(isPublished).map((key) => key.fingerprint)
    const configured = this.#needs.vault.fingerprint ?? 'none'
    return { configured, stored: stored.find((one) => one !== configured) ?? stored[0] }
  }

  #dueTasks(found: KeySnapshot) {
    return tasksOf(found, this.#needs.algorithms, this.#needs.times).filter((task) => task.at <= found.now)
  }

  async #readinessOf({ keys, now }: KeySnapshot): Promise<KeyReadiness[]> {
    return readinessOf(inOrder(keys.filter(isPublished)), (await this.#needs.sightings?.read()) ?? [], now)
  }

  /** Algorithms whose scheduled promotion waits for a verifier, which it does for a bounded time only. */
  async #heldBack(due: readonly KeyTask[], found: KeySnapshot): Promise<Set<string>> {
    const { holdSeconds = 0 } = this.#needs
    const isHeld = (task: KeyTask) => task.do === 'promote' && found.now < later(task.at, holdSeconds)
    const waits = due.filter(isHeld).map(({ alg }) => alg)
    if (waits.length === 0) return new Set()
    const unready = (await this.#readinessOf(found)).filter(
      ({ state, lagging, missing }) => state === 'pending' && lagging.length + missing.length > 0,
    )
    return new Set(waits.filter((alg) => unready.some((one) => one.alg === alg)))
  }

  async #changeAlone(
    options: ChangeOptions & { patience?: Patience },
    work: (change: KeyChangeInMaking) => Promise<void>,
  ): Promise<KeyChange> {
    const made = await changeKeys(this.#needs, options.patience ?? 'give-up', options, work)
    if (made !== BUSY) return made
    throw new Failure(
      'key_change_running',
      'conflict',
      'Another change of the keys is running. Wait until it ends, look at `keys list`, and try again.',
    )
  }
}
