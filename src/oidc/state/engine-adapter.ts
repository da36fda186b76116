/**
 * The engine's storage adapter: `oidc-provider` calls it per model, we gather
 * its reads and writes in the request's unit of work.
 */
import Provider, { type Adapter, type AdapterPayload, errors } from 'oidc-provider'
import type { ModelName, ModelStore, Payload, StoredModel } from './model-store.ts'
import { restingPayload, sealDeviceCode, unsealDeviceCode, wakingPayload } from './stored-payload.ts'
import { UnitOfWork } from './unit-of-work.ts'

export interface AdapterSettings {
  /** How long a rotated refresh token may be presented again. */
  refreshGraceSeconds: number
  /** A session whose only change is a later expiry is written at most this often. */
  sessionTouchSeconds: number
  /** Hides device codes beside the digests of their user codes. */
  sealingSecret: Uint8Array
  now(): number
}

/** How long a finished interaction still leads on to the app (double submits, second tabs). */
export const finishedInteractionSeconds = 60
/** What a finished interaction says of itself: it went on with this session. */
export interface FinishedMark {
  sessionUid: string | undefined
}
/** How long after its expiry an interaction's app is remembered. */
const trailSeconds = 86_400

export class EngineAdapter implements Adapter {
  readonly #model: ModelName
  readonly #store: ModelStore
  readonly #settings: AdapterSettings

  constructor(model: ModelName, store: ModelStore, settings: AdapterSettings) {
    this.#model = model
    this.#store = store
    this.#settings = settings
  }

  /** Only refresh tokens are forgiven a second use, and only for moments. */
  get #graceSeconds(): number {
    return this.#model === 'RefreshToken' ? this.#settings.refreshGraceSeconds : 0
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    const unit = UnitOfWork.current
    const known = unit?.recall(this.#model, id)
    if (known === null) return undefined
    if (known) return this.#present(id, known, unit)
    const found = await this.#ask((store) => store.find(this.#model, id, this.#graceSeconds))
    if (!found) return undefined
    // A code dies with the session it came from, whatever its tokens may outlive. A spent one is still a replay.
    if (this.#model === 'AuthorizationCode' && !found.session && found.model.use !== 'used') return undefined
    unit?.learn(this.#model, id, found)
    return this.#present(id, found.model, unit)
  }

  /** Sessions only. Their id is not known this way, and nobody may change what was found. */
  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const unit = UnitOfWork.current
    const known = unit?.recallSession(uid)
    if (known) return { ...known } as AdapterPayload
    const found = await this.#ask((store) => store.findSessionByUid(uid))
    if (!found) return undefined
    unit?.learn('Session', undefined, found)
    return { ...found.model.payload } as AdapterPayload
  }

  async findByUserCode(userCode: string): Promise<AdapterPayload | undefined> {
    const found = await this.#ask((store) => store.findByUserCode(userCode))
    if (!found) return undefined
    const { sealedCode, ...payload } = found.model.payload
    const jti =
      typeof sealedCode === 'string' ? unsealDeviceCode(this.#settings.sealingSecret, userCode, sealedCode) : undefined // decided: it will not be written again by this way
    return {
      ...payload,
      jti,
      userCode,
      ...(found.model.use === 'used' ? { consumed: true } : {}),
    } as AdapterPayload
  }

  async upsert(id: string, payload: AdapterPayload, expiresIn: number): Promise<void> {
    const unit = UnitOfWork.current
    const resting = restingPayload(this.#model, id, payload as Payload)
    const expiresAt = this.#settings.now() + expiresIn
    if (this.#model === 'Session' && this.#isMereTouch(unit?.recall('Session', id), resting, expiresAt)) return
    if (this.#model === 'DeviceCode' && payload.userCode) {
      resting.sealedCode = sealDeviceCode(this.#settings.sealingSecret, payload.userCode, id)
    }
    const write = { model: this.#model, id, payload: resting, expiresAt, userCode: payload.userCode }
    const writes = this.#model === 'Interaction' ? [write, this.#trail(id, resting, expiresAt)] : [write]
    if (unit) for (const one of writes) unit.upsert(one)
    else await this.#store.commit({ upserts: writes, consumes: [], destroys: [], revokedGrants: [] })
  }

  async consume(id: string): Promise<void> {
    const use = { model: this.#model, id, graceSeconds: this.#graceSeconds }
    const unit = UnitOfWork.current
    // A pushed request is spent on the way to a browser's answer, which cannot be taken back at the end.
    if (unit && this.#model !== 'PushedAuthorizationRequest') return unit.consume(use)
    const won = await this.#ask((store) =>
      store.commit({ upserts: [], consumes: [use], destroys: [], revokedGrants: [] }),
    )
    if (won) return
    if (this.#model === 'PushedAuthorizationRequest') throw new errors.InvalidRequestUri('request_uri was already used')
    throw new errors.InvalidGrant('already used')
  }

  async destroy(id: string): Promise<void> {
    const unit = UnitOfWork.current
    if (this.#model === 'Interaction') return this.#finish(id)
    const gone = { model: this.#model, id }
    if (unit) unit.destroy(gone)
    else await this.#store.commit({ upserts: [], consumes: [], destroys: [gone], revokedGrants: [] })
  }

  async revokeByGrantId(grantId: string): Promise<void> {
    const unit = UnitOfWork.current
    if (unit) unit.revokeGrant(grantId)
    else await this.#store.commit({ upserts: [], consumes: [], destroys: [], revokedGrants: [grantId] })
  }

  /** A finished interaction stays for a minute, so that a second submit of the same form leads on to the app too. */
  async #finish(id: string): Promise<void> {
    const stored = await this.find(id)
    if (!stored) return
    const exp = this.#settings.now() + finishedInteractionSeconds
    const finished: FinishedMark = { sessionUid: Provider.ctx?.oidc.session?.uid }
    await this.upsert(id, { ...stored, finished, exp } as AdapterPayload, finishedInteractionSeconds)
  }

  #trail(id: string, interaction: Payload, expiresAt: number) {
    const { client_id, ui_locales } = (interaction.params ?? {}) as Payload
    const payload = { clientId: client_id, uiLocales: ui_locales }
    return { model: 'InteractionTrail' as const, id, payload, expiresAt: expiresAt + trailSeconds }
  }

  #present(id: string, stored: StoredModel, unit: UnitOfWork | undefined): AdapterPayload {
    const payload = wakingPayload(this.#model, id, stored.payload)
    if (stored.use === 'used') {
      payload.consumed = true
      if (unit) unit.replayed = { model: this.#model, id, graceSeconds: this.#graceSeconds, payload }
    }
    return payload as AdapterPayload
  }

  #isMereTouch(known: StoredModel | null | undefined, resting: Payload, expiresAt: number): boolean {
    if (!known || Math.abs(expiresAt - known.expiresAt) >= this.#settings.sessionTouchSeconds) return false
    const { exp: _was, ...before } = known.payload
    const { exp: _is, ...after } = resting
    return isSameJson(before, after)
  }

  #ask<T>(question: (store: ModelStore) => Promise<T>): Promise<T> {
    return UnitOfWork.asking(() => question(this.#store))
  }
}

/** Equality of JSON values whatever the order of members. */
function isSameJson(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const left = Object.entries(a).filter(([, value]) => value !== undefined)
  const right = Object.entries(b).filter(([, value]) => value !== undefined)
  return left.length === right.length && left.every(([key, value]) => isSameJson(value, (b as Payload)[key]))
}
