/**
 * Clients and APIs as every request needs them: from memory, dropped when an
 * administrator changes something anywhere.
 */
import { LRUCache } from 'lru-cache'
import type { Api, Client, ClientId } from '../clients/client.ts'
import type { ApiStore, ClientStore } from '../clients/client-store.ts'

export interface ClientDirectory {
  find(id: ClientId): Promise<Client | undefined>
  findApi(audience: string): Promise<Api | undefined>
  /** Is this a browser origin that some client registered? Only what is cached is asked. */
  readonly version: number
  drop(): void
}

/** Unknown ids are remembered too, in a bounded cache, so that made-up ones cost no statement each. */
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
