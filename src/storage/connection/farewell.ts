/** Closing connections to a server that may no longer answer. */
import type { Socket } from 'node:net'
import type { Client } from 'pg'

/** So long a server may take to close connections that say goodbye, and statements under way to end. */
const patienceMs = 5_000

/** Waits for the goodbye, and cuts what has not ended by then. */
export async function farewell(goodbye: Promise<unknown>, cutAll: () => void): Promise<void> {
  const impatient = setTimeout(cutAll, patienceMs)
  await goodbye.finally(() => clearTimeout(impatient))
}

/** Ends a connection without a word. */
export const cut = ({ connection }: Client) => (connection as typeof connection & { stream: Socket }).stream.destroy()
