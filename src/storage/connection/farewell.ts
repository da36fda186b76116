/** Closes connections to a server that may no longer answer. */
import type { Socket } from 'node:net'
import type { Client } from 'pg'

/** How long the server may take to finish running statements and close the connections. */
const patienceMs = 5_000

/** Waits for the orderly close, and cuts all connections after the limit. */
export async function farewell(closed: Promise<unknown>, cutAll: () => void): Promise<void> {
  const limit = setTimeout(cutAll, patienceMs)
  await closed.finally(() => clearTimeout(limit))
}

/** Closes a connection's socket at once. */
export const cut = ({ connection }: Client) => (connection as typeof connection & { stream: Socket }).stream.destroy()
