/** Browser origins of all clients, for requests whose client is not known yet. */

import type { Client } from './client.ts'
import type { ClientStore } from './client-store.ts'
import { allowedOrigins } from './redirect-rules.ts'

interface Origins {
  all: ReadonlySet<string>
  receivingCookies: ReadonlySet<string>
}

export function createRegisteredOrigins(clients: Pick<ClientStore, 'list'>) {
  let known: Promise<Origins> | undefined

  async function load(): Promise<Origins> {
    const all = await clients.list()
    return {
      all: originsOf(all),
      receivingCookies: originsOf(all.filter(({ refreshDelivery }) => refreshDelivery === 'cookie')),
    }
  }

  async function isAmong(which: keyof Origins, origin: string): Promise<boolean> {
    known ??= load()
    const loading = known
    try {
      return (await loading)[which].has(origin)
    } catch {
      if (known === loading) known = undefined
      return false
    }
  }

  return {
    /** May pages of this origin read error responses? False too while the database is unavailable, as the safe answer. */
    isRegistered: (origin: string) => isAmong('all', origin),
    /** May pages of this origin send cookies? True for clients that receive refresh tokens in a cookie. */
    receiveCookies: (origin: string) => isAmong('receivingCookies', origin),
    drop() {
      known = undefined
    },
  }
}

const originsOf = (clients: readonly Client[]): ReadonlySet<string> =>
  new Set(clients.flatMap((client) => [...allowedOrigins(client)]))
