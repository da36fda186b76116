/**
 * keyring makes, publishes, rotates, retires and revokes signing keys, and stores the deployment's other secrets. It
 * never issues tokens; `oidc` does. Keys are stored in the database, wrapped. The database also enforces the life
 * cycle (see the migration). Any node may take any step: a lock in the store allows one change at a time, rows are
 * read under the lock, and the database's clock decides.
 */
import type { JWK } from 'jose'
import { Failure } from '../errors/failure.ts'
import { ALWAYS_ON, getSigningAlgorithm } from './cycle/algorithms.ts'
import { type ChangeNeeds, type ChangeOptions, changeKeys, type KeyChange } from './cycle/change-keys.ts'
import { readForeignKey } from './cycle/import-key.ts'
import { type KeyStep, type KeyTask, later, nextPromotionAt, planSteps, proofOf, tasksOf } from './cycle/key-plan.ts'
import { type KeyRow, rowOf } from './cycle/key-row.ts'
import type { KeyChangeDraft } from './cycle/key-steps.ts'
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
  /** Which verifiers have fetched which keys. Without it no verifier is counted and no promotion is delayed. */
  sightings?: Pick<SightingStore, 'read'>
  /** The counts of the canary's token requests. */
  canaryUses?: Pick<CanaryUseStore, 'read'>
  /** How long a promotion waits for a verifier that lacks the standby or reported it as missing; 0 when absent. */
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
   * At start: proves that every key can be opened, then makes the missing keys (an active key and a standby for each
   * algorithm).
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

  /** Takes every due step. @returns the steps taken; empty when none was due or another node is taking them */
  async runDueStep(): Promise<KeyStep[]> {
    const found = await this.#needs.store.read()
    const due = this.#dueTasks(found)
    if (due.length === 0) return []
    const delayed = await this.#delayedAlgorithms(due, found)
    if (due.every((task) => task.do === 'promote' && delayed.has(task.alg))) return []
    const done = await changeKeys(this.#needs, 'give-up', {}, async (change) => {
      // Plan again under the lock: another node may have taken the same step in the meantime.
      for (const task of this.#dueTasks(change)) {
        if (task.do !== 'promote' || !delayed.has(task.alg)) await change.perform(task)
      }
    })
    return done === BUSY ? [] : done.steps
  }

  /**
   * Makes the standby sign: at once when its publish lead is over, otherwise as soon as it is.
   * @param options.now skips the lead: verifiers that do not fetch again for an unknown kid refuse its tokens for a
   * while
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

  /**
   * Removes a key from the JWKS at once and permanently. If it was the active key, the standby becomes active in the
   * same transaction.
   */
  async revoke(kid: string, options: ChangeOptions & { compromised: boolean }): Promise<KeyChange> {
    if (!options.compromised) {
      throw new Failure(
        'revocation_unconfirmed',
        'invalid',
        `Revoking ${kid} also revokes every token it signed, at once. If the key leaked, add --compromised. Otherwise use \`keys rotate\`.`,
      )
    }
    return this.#changeAlone({ ...options, patience: 'wait' }, (change) =>
      change.revoke(getPublished(change.keys, kid), emergency('compromised')),
    )
  }

  /** For a leak of the whole store: revokes every key and replaces it by a new one, which no cache holds yet. */
  async revokeAll(options: ChangeOptions & { compromised: boolean }): Promise<KeyChange> {
    if (!options.compromised) {
      throw new Failure(
        'revocation_unconfirmed',
        'invalid',
        'Revoking all keys also revokes every token, at once. Add --compromised to confirm.',
      )
    }
    return this.#changeAlone({ ...options, patience: 'wait' }, async (change) => {
      // Revoke the standbys with the active keys, so that no leaked standby becomes active.
      const leaked = change.keys.filter(isPublished)
      for (const alg of rankedAlgorithms(leaked)) await change.replaceAll(alg, emergency('all keys compromised'))
    })
  }

  /** @throws Failure `key_still_needed` before `removable_at` */
  async remove(kid: string, options: ChangeOptions = {}): Promise<KeyChange> {
    return this.#changeAlone(options, async (change) => {
      const key = getPublished(change.keys, kid)
      if (key.state !== 'retired' || !key.removableAt) {
        const hint =
          key.state === 'active' ? 'It is active: rotate first' : 'It is the standby, which is always published'
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
          `${kid} cannot be removed before ${key.removableAt.toISOString()}: a token that it signed may be valid until then. If the key leaked, revoke it with --compromised.`,
        )
      }
      await change.remove(key, 'removed by hand')
    })
  }

  /**
   * Imports a private key (PEM or JWK), either as the next standby or only to verify what it signed. The key keeps its
   * kid if it has one, so that tokens issued before the import still verify.
   */
  async import(options: ChangeOptions & { key: string; alg?: string; as?: 'standby' | 'retired' }): Promise<KeyChange> {
    const { pair, alg } = await readForeignKey(options.key, options.alg)
    return this.#changeAlone(options, async (change) => {
      if (change.keys.some((key) => key.kid === pair.kid)) {
        throw new Failure(
          'key_already_there',
          'conflict',
          `A key with the kid ${pair.kid} exists already; \`keys list\` shows its state.`,
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

  /**
   * Switches an algorithm off: its active key retires and verifies for the retention time, and its standby is removed.
   */
  async switchOff(algorithm: string, options: ChangeOptions = {}): Promise<KeyChange> {
    const alg = getSigningAlgorithm(algorithm)
    if (ALWAYS_ON.includes(alg))
      throw new Failure('signing_algorithm_required', 'invalid', `${alg} is always on: verifiers rely on it.`)
    if (this.#needs.algorithms.includes(alg)) {
      throw new Failure(
        'signing_algorithm_configured',
        'conflict',
        `${alg} is still switched on in the configuration, which would create new keys for it. Remove it there first.`,
      )
    }
    return this.#changeAlone(options, (change) => change.end(alg))
  }

  /** Names the app for which each standby signs first, as soon as its lead is over. `undefined` means no canary. */
  async nameCanary(clientId: string | undefined, options: ChangeOptions = {}): Promise<KeyChange> {
    return this.#changeAlone({ ...options, patience: 'wait' }, (change) => change.nameCanary(clientId))
  }

  /** The canary's token requests by key. */
  async canary(): Promise<CanaryReport> {
    const found = await this.#needs.store.read()
    return canaryReport(found, (await this.#needs.canaryUses?.read()) ?? [], await this.#readinessOf(found))
  }

  /** Published and revoked keys, in the order of the JWKS; with `all`, also removed keys. */
  async list(options: { all?: boolean } = {}): Promise<KeyRow[]> {
    const { keys } = await this.#needs.store.read()
    return inOrder(keys.filter((key) => options.all || key.state !== 'removed')).map(rowOf)
  }

  /** When the next scheduled promotion is due, of one algorithm or of all. */
  async nextRotationAt(alg?: string): Promise<Date | undefined> {
    const { keys } = await this.#needs.store.read()
    return nextPromotionAt(keys, this.#needs.times, alg)
  }

  /** The next scheduled steps with their dates. */
  async schedule(): Promise<KeyStep[]> {
    const found = await this.#needs.store.read()
    return planSteps(tasksOf(found, this.#needs.algorithms, this.#needs.times), this.#needs.times, found.now)
  }

  /** Shows that no promotion makes a verifier fail that honours max-age: one sentence for each, with the numbers. */
  async proof(): Promise<string[]> {
    const found = await this.#needs.store.read()
    return proofOf(tasksOf(found, [], this.#needs.times), this.#needs.times, found.now)
  }

  /**
   * For each published key: how often it was fetched, by how many named verifiers, and which verifiers lack the
   * standby.
   */
  async readiness(): Promise<KeyReadiness[]> {
    return this.#readinessOf(await this.#needs.store.read())
  }

  /** The JWKS as it would be served now. */
  async publicJwks(): Promise<{ keys: JWK[] }> {
    return publicJwksOf((await this.#needs.store.read()).keys)
  }

  /** Fingerprint of the key-encryption key for new keys, and that of the stored keys. */
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

  /** Algorithms whose scheduled promotion waits for a verifier. The wait is bounded by `holdSeconds`. */
  async #delayedAlgorithms(due: readonly KeyTask[], found: KeySnapshot): Promise<Set<string>> {
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
    work: (change: KeyChangeDraft) => Promise<void>,
  ): Promise<KeyChange> {
    const made = await changeKeys(this.#needs, options.patience ?? 'give-up', options, work)
    if (made !== BUSY) return made
    throw new Failure(
      'key_change_running',
      'conflict',
      'Another change of the keys is running. Wait until it ends, check `keys list`, and try again.',
    )
  }
}
