/**
 * Caches clients and APIs in memory for requests. The cache is dropped when an administrator changes a client or an API
 * on any node.
 */
import { LRUCache } from 'lru-cache'
import type { Api, Client, ClientId } from '../clients/client.ts'
import type { ApiStore, ClientStore } from '../clients/client-store.ts'

export interface ClientDirectory {
  find(id: ClientId): Promise<Client | undefined>
  findApi(audience: string): Promise<Api | undefined>
  /** Grows with each `drop`. */
  readonly version: number
  drop(): void
}

/** Unknown ids are cached too, within the same bound, so that repeated requests with made-up ids cost no query each. */
export function createClientDirectory(
  clients: Pick<ClientStore, 'find'>,
  apis: Pick<ApiStore, 'list'>,
): ClientDirectory {
  const known = new LRUCache<ClientId, Promise<Client | undefined>>({ max: 10_000 })
  let audiences: Promise<Map<string, Api>> | undefined
  let version = 0

  return {
    get version() {
      return version
    },
    find(id) {
      const cached = known.get(id)
      if (cached) return cached
      const asked = clients.find(id)
      known.set(id, asked)
      asked.catch(() => known.delete(id))
      return asked
    },
    async findApi(audience) {
      audiences ??= apis.list().then((all) => new Map(all.map((api) => [api.audience, api])))
      const loading = audiences
      return (
        await loading.catch((cause: unknown) => {
          if (audiences === loading) audiences = undefined
          throw cause
        })
      ).get(audience)
    },
    drop() {
      known.clear()
      audiences = undefined
      version += 1
    },
  }
}
