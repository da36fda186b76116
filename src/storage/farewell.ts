/** Closing connections to a server that may no longer answer. */
import type { Socket } from 'node:net'
import type { Client, Pool } from 'pg'

/** So long a server may take to close connections that say goodbye, and statements under way to end. */
const patienceMs = 5_000

/** The clients of a pool, to be cut when saying goodbye takes too long: the pool itself would wait for ever. */
export function clientsOf(pool: Pool): ReadonlySet<Client> {
  const clients = new Set<Client>()
  pool.on('connect', (client) => void clients.add(client as unknown as Client))
  pool.on('remove', (client) => void clients.delete(client as unknown as Client))
  return clients
}

/** Waits for the goodbye, and cuts the connections that have not ended by then. */
export async function farewell(goodbye: Promise<unknown>, clients: () => Iterable<Client>): Promise<void> {
  const impatient = setTimeout(() => {
    for (const client of clients()) cut(client)
  }, patienceMs)
  await goodbye.finally(() => clearTimeout(impatient))
}

/** Ends a connection without a word. */
export const cut = ({ connection }: Client) => (connection as typeof connection & { stream: Socket }).stream.destroy()
