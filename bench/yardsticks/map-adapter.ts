/** Yardstick A's store: one plain Map, no copying, no eviction: as fast as a store can be. */
import type { Adapter, AdapterPayload } from 'oidc-provider'

const rows = new Map<string, AdapterPayload>()
const sessionIds = new Map<string, string>()

/** Keeps the very objects that the core hands over. */
export class MapAdapter implements Adapter {
  readonly #model: string

  constructor(model: string) {
    this.#model = model
  }

  #key(id: string): string {
    return `${this.#model}:${id}`
  }

  async upsert(id: string, payload: AdapterPayload): Promise<void> {
    rows.set(this.#key(id), payload)
    if (this.#model === 'Session' && payload.uid) sessionIds.set(payload.uid, id)
  }

  async find(id: string): Promise<AdapterPayload | undefined> {
    return rows.get(this.#key(id))
  }

  async findByUid(uid: string): Promise<AdapterPayload | undefined> {
    const id = sessionIds.get(uid)
    return id === undefined ? undefined : rows.get(this.#key(id))
  }

  async findByUserCode(): Promise<undefined> {
    return undefined
  }

  async consume(id: string): Promise<void> {
    const row = rows.get(this.#key(id))
    if (row) row.consumed = Math.floor(Date.now() / 1000)
  }

  async destroy(id: string): Promise<void> {
    rows.delete(this.#key(id))
  }

  async revokeByGrantId(): Promise<void> {}
}
