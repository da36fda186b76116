/** Whether the demo's addresses are free, asked before anything is written. */
import { createServer } from 'node:net'

/** @throws Error that names every port that is taken */
export async function refuseTakenPorts(ports: readonly number[]): Promise<void> {
  const free = await Promise.all(ports.map(isFree))
  const taken = ports.filter((_, index) => !free[index])
  if (taken.length === 0) return
  throw new Error(
    `The demo needs ${taken.length === 1 ? 'port' : 'ports'} ${taken.join(', ')}, where another program listens. Stop it, or move the demo: CLAVIGER_ISSUER=http://localhost:9500 npm run demo`,
  )
}

const isFree = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false)).listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
