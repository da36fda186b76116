/** A server of the examples: listening when `listen` resolves, gone when `stop` resolves. */
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RunningService {
  url: string
  stop(): Promise<void>
}

/** @throws Error that names the port, when another program listens there */
export async function listen(handler: RequestListener, port: number, host = '127.0.0.1'): Promise<RunningService> {
  const server = createServer(handler)
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) => reject(portFault(cause, port))).listen(port, host, resolve)
  })
  const { port: actual } = server.address() as AddressInfo
  return {
    url: `http://localhost:${actual}`,
    stop: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        server.closeAllConnections()
      }),
  }
}

const portFault = (cause: NodeJS.ErrnoException, port: number): Error =>
  cause.code === 'EADDRINUSE' ? new Error(`Another program listens on port ${port}.`, { cause }) : cause
