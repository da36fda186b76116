import { createServer } from 'node:net'

/**
 * Each worker has ports of its own, below those that systems give to outgoing connections, and hands out none twice in a
 * row: of two nodes on one port the one would end, and the other answer for both.
 */
const perWorker = 2_000
const first = 20_000 + (Number(process.env['JEST_WORKER_ID'] ?? 0) % 6) * perWorker
let next = Math.floor(Math.random() * perWorker)

/** A port of the loopback that nothing listened on a moment ago. */
export async function freePort(): Promise<number> {
  for (let tries = 0; tries < perWorker; tries += 1) {
    next = (next + 1) % perWorker
    const port = first + next
    if (await isFree(port)) return port
  }
  throw new Error(`no port is free from ${first} on`)
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
