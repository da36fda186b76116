/** The steps of the life cycle, each within one change of the keys. The caller has read the rows under the lock. */

import { emergency, findActive, findStandby, isPublished, type KeyState, type SigningKey } from '../live/signing-key.ts'
import type { KeyVault, NewKey } from '../vaults/key-vault.ts'
import { getSigningAlgorithm } from './algorithms.ts'
import { type KeyStep, type KeyTask, later } from './key-plan.ts'
import type { KeyLedger } from './key-store.ts'
import { type KeyTimes, retentionSecondsOf } from './key-times.ts'

export interface StepNeeds {
  vault: KeyVault
  times: KeyTimes
}

/** The reason that the database requires for a key that begins as retired. */
const IMPORTED = 'imported'

/** A change that is not committed yet: the ledger, and the steps so far for the audit log and the caller. */
export class KeyChangeDraft {
  readonly steps: (KeyStep & { event: string; reason: string })[] = []
  readonly #ledger: KeyLedger
  readonly #needs: StepNeeds

  constructor(ledger: KeyLedger, needs: StepNeeds) {
    this.#ledger = ledger
    this.#needs = needs
  }

  get keys(): readonly SigningKey[] {
    return this.#ledger.keys
  }

  get now(): Date {
    return this.#ledger.now
  }

  get canary(): string | undefined {
    return this.#ledger.canary
  }

  async perform(task: KeyTask): Promise<void> {
    if (task.do === 'create') await this.complete(task.alg)
    else if (task.do === 'promote') await this.promote(task.alg, 'schedule')
    else if (task.do === 'try') {
      // When its promotion was due as well, the key is active by now.
      if (findStandby(this.keys, task.alg)?.kid === task.standby.kid)
        await this.#try(task.standby, task.canary, 'schedule')
    } else await this.remove(task.key, 'schedule')
  }

  /** Creates the missing keys of an algorithm: an active key, a standby, or both. */
  async complete(alg: string): Promise<void> {
    if (!findActive(this.keys, alg)) {
      const first = !this.keys.some((key) => key.alg === alg)
      if (findStandby(this.keys, alg)) await this.#activate(alg, emergency('there was no active key'))
      else await this.#insert(alg, 'active', first ? 'first key' : emergency('there was no active key'))
    }
    if (!findStandby(this.keys, alg)) await this.#insert(alg, 'pending', 'standby')
  }

  /** Retires the active key, makes the standby active and publishes a new standby, all in one change. */
  async promote(alg: string, reason: string): Promise<void> {
    const active = findActive(this.keys, alg)
    if (active) await this.#retire(active, reason)
    await this.#activate(alg, reason)
    await this.complete(alg)
  }

  async remove(key: SigningKey, reason: string): Promise<void> {
    await this.#ledger.update(key.kid, { state: 'removed', sealed: null, removedAt: this.now, reason })
    this.#note(key, 'key.removed', 'leaves the JWKS', reason)
  }

  /**
   * Revokes the key, which leaves the JWKS at once. If it was active, the standby becomes active in the same change.
   */
  async revoke(key: SigningKey, reason: string): Promise<void> {
    await this.#ledger.update(key.kid, { state: 'revoked', sealed: null, revokedAt: this.now, reason })
    this.#note(key, 'key.revoked', 'leaves the JWKS; everything it signed is revoked', reason)
    if (key.state === 'active') await this.#activate(key.alg, emergency(`${key.kid} was revoked`))
    if (key.state !== 'retired') await this.complete(key.alg)
  }

  /** Revokes every key of an algorithm and creates new ones, because none can be trusted. */
  async replaceAll(alg: string, reason: string): Promise<void> {
    for (const key of this.keys.filter((one) => one.alg === alg && isPublished(one))) {
      await this.#ledger.update(key.kid, { state: 'revoked', sealed: null, revokedAt: this.now, reason })
      this.#note(key, 'key.revoked', 'leaves the JWKS; everything it signed is revoked', reason)
    }
    await this.complete(alg)
  }

  /** Makes the standby sign as soon as its lead is over, before the interval is. */
  async bringForward(standby: SigningKey): Promise<void> {
    const at = standby.promotableAt
    await this.#ledger.update(standby.kid, { promoteAt: at })
    const what = `will begin to sign at ${at.toISOString()}, when it has been published long enough`
    this.#note(standby, 'key.rotation-requested', what, 'rotated by hand', at)
  }

  /**
   * From now on each standby signs for this app first, as soon as its lead is over. Without an app no standby signs.
   */
  async nameCanary(clientId: string | undefined): Promise<void> {
    const { canary } = this.#ledger
    if (clientId !== canary) await this.#ledger.nameCanary(clientId)
    for (const standby of this.keys.filter(({ state }) => state === 'pending')) {
      if (clientId === canary && (standby.canaryAt || clientId === undefined)) continue
      if (clientId === undefined)
        this.#note(standby, 'key.canary-ended', `stops signing for ${canary} until it signs for all`, 'by hand')
      else if (standby.promotableAt <= this.now) await this.#try(standby, clientId, 'by hand')
      else {
        const what = `will sign for ${clientId} first, when it has been published long enough`
        this.#note(standby, 'key.canary-named', what, 'by hand', standby.promotableAt)
      }
    }
  }

  /**
   * Makes the standby sign for the canary. `canaryAt` stays set: such a key is not removed before its signatures have
   * expired.
   */
  async #try(standby: SigningKey, clientId: string, reason: string): Promise<void> {
    if (!standby.canaryAt) await this.#ledger.update(standby.kid, { canaryAt: this.now, reason })
    this.#note(standby, 'key.canary-began', `signs for ${clientId}, the canary`, reason)
  }

  /** Switches an algorithm off: its active key only verifies from now on, and its standby is removed. */
  async end(alg: string): Promise<void> {
    const active = findActive(this.keys, alg)
    const standby = findStandby(this.keys, alg)
    if (active) await this.#retire(active, 'algorithm switched off')
    if (standby) await this.#dismiss(standby, 'algorithm switched off')
  }

  /**
   * Imports a key: as retired, only to verify; or as the next standby, which replaces the present one. Before the
   * algorithm has any key, the imported key becomes active at once, because its existing verifiers know it.
   */
  async adopt(made: NewKey, alg: string, as: 'standby' | 'retired'): Promise<void> {
    if (as === 'retired') return this.#keep(made, alg, 'retired', IMPORTED)
    const standby = findStandby(this.keys, alg)
    if (standby) await this.#dismiss(standby, `replaced by the imported ${made.kid}`)
    await this.#keep(made, alg, findActive(this.keys, alg) ? 'pending' : 'active', IMPORTED)
    await this.complete(alg)
  }

  /**
   * Removes a standby before its promotion. A standby that has signed for a canary retires instead and verifies like
   * any retired key.
   */
  #dismiss(standby: SigningKey, reason: string): Promise<void> {
    return standby.canaryAt ? this.#retire(standby, reason) : this.remove(standby, reason)
  }

  async #retire(key: SigningKey, reason: string): Promise<void> {
    const removableAt = later(this.now, retentionSecondsOf(this.#needs.times))
    await this.#ledger.update(key.kid, { state: 'retired', retiredAt: this.now, removableAt, reason })
    this.#note(key, 'key.retired', `retires and still verifies until ${removableAt.toISOString()}`, reason)
  }

  async #activate(alg: string, reason: string): Promise<void> {
    const standby = findStandby(this.keys, alg)
    if (!standby) return this.#insert(alg, 'active', reason)
    await this.#ledger.update(standby.kid, { state: 'active', activeAt: this.now, promoteAt: null, reason })
    this.#note(standby, 'key.promoted', 'begins to sign', reason)
  }

  async #insert(alg: string, state: 'active' | 'pending', reason: string): Promise<void> {
    await this.#keep(await this.#needs.vault.create(getSigningAlgorithm(alg)), alg, state, reason)
  }

  async #keep({ kid, publicJwk, sealed }: NewKey, alg: string, state: KeyState, reason: string): Promise<void> {
    const now = this.now
    const { times } = this.#needs
    const key: SigningKey = {
      kid,
      alg,
      state,
      publicJwk,
      sealed: sealed.jwe,
      fingerprint: sealed.fingerprint,
      createdAt: now,
      publishAt: now,
      promotableAt: later(now, times.publishLeadSeconds),
      promoteAt: null,
      canaryAt: null,
      activeAt: state === 'active' ? now : null,
      retiredAt: state === 'retired' ? now : null,
      removableAt: state === 'retired' ? later(now, retentionSecondsOf(times)) : null,
      removedAt: null,
      revokedAt: null,
      reason,
    }
    await this.#ledger.insert(key)
    const what = { active: 'is created and signs', pending: 'is created and published as the standby' }[
      state as 'active' | 'pending'
    ]
    this.#note(key, reason === IMPORTED ? 'key.imported' : 'key.created', what ?? 'is published to verify', reason)
  }

  #note(key: SigningKey, event: string, what: string, reason: string, at = this.now): void {
    this.steps.push({ at, kid: key.kid, alg: key.alg, what, event, reason })
  }
}
