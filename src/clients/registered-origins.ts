/** Browser origins of all clients: what is known of a page before it is known whose request it sends. */

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
    /** May it read error answers? False also while the database is away: an unreadable error is the lesser harm. */
    isRegistered: (origin: string) => isAmong('all', origin),
    /** May it send cookies along, for some client that gets its refresh tokens in one? */
    receiveCookies: (origin: string) => isAmong('receivingCookies', origin),
    drop() {
      known = undefined
    },
  }
}

const originsOf = (clients: readonly Client[]): ReadonlySet<string> =>
  new Set(clients.flatMap((client) => [...allowedOrigins(client)]))
