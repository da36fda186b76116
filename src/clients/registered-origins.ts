/** Browser origins of all clients: what error answers may be read by, before it is known whose request it was. */

import type { ClientStore } from './client-store.ts'
import { allowedOrigins } from './redirect-rules.ts'

export function createRegisteredOrigins(clients: Pick<ClientStore, 'list'>) {
  let known: Promise<ReadonlySet<string>> | undefined
  const load = async () => new Set((await clients.list()).flatMap((client) => [...allowedOrigins(client)]))
  return {
    /** False also while the database is away: an unreadable error is the lesser harm. */
    async isRegistered(origin: string): Promise<boolean> {
      known ??= load()
      const loading = known
      try {
        return (await loading).has(origin)
      } catch {
        if (known === loading) known = undefined
        return false
      }
    },
    drop() {
      known = undefined
    },
  }
}
