/**
 * One request to the engine is one unit of work. The companions of the first read serve later reads without another
 * query. The engine's writes are collected, and one statement commits them before the answer is sent.
 */
import { AsyncLocalStorage } from 'node:async_hooks'
import type { Account } from '../../accounts/account.ts'
import type { IssuedToken } from '../../revocation/issued-token.ts'
import type { NewRevocation } from '../../revocation/revocation.ts'
import type {
  ConsentChange,
  ModelChanges,
  ModelName,
  ModelStore,
  ModelWithCompanions,
  Payload,
  Presented,
  Presenter,
  StoredModel,
  Upsert,
} from './model-store.ts'

const running = new AsyncLocalStorage<UnitOfWork>()

/** Keys of the models that a token request spends and issues. */
const tokenModels = /^(AuthorizationCode|RefreshToken|AccessToken):/

const keyOf = (model: ModelName, id: string) => `${model}:${id}`

export class UnitOfWork {
  /** The code or refresh token that was presented again after its grace period. */
  replayed: (Presented & { payload: Payload }) | undefined
  /** A failure of the store, which the engine would report as its own. */
  failure: unknown

  #known = new Map<string, StoredModel | undefined>()
  #sessions = new Map<string, Payload>()
  /**
   * The browser's session as it was read. A renewed session updates this row. If the row is gone, nothing is written.
   */
  #session: { id: string; uid: unknown } | undefined
  #accounts = new Map<string, Account | undefined>()
  #upserts = new Map<string, Upsert>()
  #consumes = new Map<string, Presented>()
  #destroys = new Map<string, ModelChanges['destroys'][number]>()
  #revokedGrants = new Set<string>()
  #revocations: NewRevocation[] = []
  #issued: IssuedToken | undefined
  #consent: ConsentChange | undefined

  static get current(): UnitOfWork | undefined {
    return running.getStore()
  }

  /** Queries a store, and keeps its failure. The engine would report a failing database as an error of its own. */
  static async asking<T>(question: () => Promise<T>): Promise<T> {
    try {
      return await question()
    } catch (cause) {
      const unit = running.getStore()
      if (unit) unit.failure = cause
      throw cause
    }
  }

  run<T>(work: () => Promise<T>): Promise<T> {
    return running.run(this, work)
  }

  /** Keeps the result of one read for later reads. */
  learn(model: ModelName, id: string | undefined, found: ModelWithCompanions): void {
    if (id !== undefined) this.#known.set(keyOf(model, id), found.model)
    if (model === 'Session' && id !== undefined) this.#session = { id, uid: found.model.payload.uid }
    if (found.grant) this.#learnGrant(found.grant.id, found.grant.payload)
    for (const [grantId, payload] of found.grants ?? []) this.#learnGrant(grantId, payload)
    if (found.session) this.#sessions.set(found.session.uid, found.session.payload)
    const accountId = found.model.payload.accountId
    if (typeof accountId === 'string') this.#accounts.set(accountId, found.account)
  }

  #learnGrant(id: string, payload: Payload): void {
    this.#known.set(keyOf('Grant', id), { payload, use: 'unused', expiresAt: Number(payload.exp) })
  }

  /** `undefined`: not known here, ask the store. `null`: known to be deleted. */
  recall(model: ModelName, id: string): StoredModel | null | undefined {
    const key = keyOf(model, id)
    const written = this.#upserts.get(key)
    if (written)
      return {
        payload: written.payload,
        use: this.#consumes.has(key) ? 'used' : 'unused',
        expiresAt: written.expiresAt,
      }
    if (this.#destroys.has(key)) return null
    return this.#known.get(key)
  }

  recallSession(uid: string): Payload | undefined {
    for (const write of this.#upserts.values())
      if (write.model === 'Session' && write.payload.uid === uid) return write.payload
    return this.#sessions.get(uid)
  }

  recallAccount(id: string): { account: Account | undefined } | undefined {
    return this.#accounts.has(id) ? { account: this.#accounts.get(id) } : undefined
  }

  upsert(write: Upsert): void {
    const key = keyOf(write.model, write.id)
    this.#destroys.delete(key)
    this.#upserts.set(key, write.model === 'Session' ? this.#successor(write) : write)
  }

  /** A session with a new identifier updates its row. Its old row is not deleted, and no second row is inserted. */
  #successor(write: Upsert): Upsert {
    const read = this.#session
    if (!read || read.uid !== write.payload.uid) return write
    this.#destroys.delete(keyOf('Session', read.id))
    return { ...write, replaces: read.id }
  }

  consume(use: Presented): void {
    this.#consumes.set(keyOf(use.model, use.id), use)
  }

  destroy(gone: ModelChanges['destroys'][number]): void {
    const key = keyOf(gone.model, gone.id)
    this.#upserts.delete(key)
    this.#destroys.set(key, gone)
  }

  revokeGrant(grantId: string): void {
    for (const [key, write] of this.#upserts) {
      if (write.payload.grantId === grantId && write.model !== 'Grant') this.#upserts.delete(key)
    }
    this.#revokedGrants.add(grantId)
  }

  /** Adds a revocation to the commit. */
  revoke(revocation: NewRevocation): void {
    this.#revocations.push(revocation)
  }

  /** Adds the issued access token to the commit. The answer with the token is sent only after the commit. */
  issue(token: IssuedToken): void {
    if (this.#issued) throw new Error('one request issues one access token')
    this.#issued = token
  }

  /** Adds the consent that the person gives now, or the earlier consent that this request uses. */
  consent(change: ConsentChange): void {
    this.#consent = change
  }

  learnAccount(id: string, account: Account | undefined): void {
    this.#accounts.set(id, account)
  }

  get isEmpty(): boolean {
    return (
      this.#upserts.size === 0 &&
      this.#consumes.size === 0 &&
      this.#destroys.size === 0 &&
      this.#revokedGrants.size === 0 &&
      this.#revocations.length === 0 &&
      this.#issued === undefined
    )
  }

  /** The spent value for which the engine refused this request and revoked the grant. */
  get refusedReplay(): UnitOfWork['replayed'] {
    return this.#revokedGrants.has(String(this.replayed?.payload.grantId)) ? this.replayed : undefined
  }

  /** Drops all collected changes. */
  discard(): void {
    this.#revocations = []
    this.#issued = undefined
    this.#consent = undefined
    for (const held of [this.#upserts, this.#consumes, this.#destroys, this.#revokedGrants]) held.clear()
  }

  /**
   * A refused token request issues nothing, so it spends nothing, and the app may try again. Revocations by the refusal
   * are still committed.
   */
  withdrawTokens(): void {
    for (const key of this.#consumes.keys()) if (tokenModels.test(key)) this.#consumes.delete(key)
    for (const key of this.#upserts.keys()) if (tokenModels.test(key)) this.#upserts.delete(key)
    this.#issued = undefined
  }

  /** Commits all changes, or none. Returns false when another request has spent a one-time value. */
  async commit(store: ModelStore, from?: Presenter): Promise<boolean> {
    if (this.isEmpty) return true
    const changes: ModelChanges = {
      upserts: [...this.#upserts.values()],
      consumes: [...this.#consumes.values()],
      destroys: [...this.#destroys.values()],
      revokedGrants: [...this.#revokedGrants],
      revocations: this.#revocations,
      issued: this.#issued,
      from,
      consent: this.#consent,
    }
    this.discard()
    return store.commit(changes)
  }
}
