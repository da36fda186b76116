/** Starts the HTTP server, and stops it after open requests have finished. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { Failure } from '../../errors/failure.ts'
import { portHolder } from './port-holder.ts'
import { serverSettings } from './server-settings.ts'

/**
 * @param setting the option that chooses another port; errors name it
 * @throws Failure `port_taken` (conflict), `address_refused` (denied)
 */
export function listen(
  listener: RequestListener,
  port: number,
  host: string,
  setting = '--port or CLAVIGER_PORT',
): Promise<Server> {
  const server = createServer(serverSettings, listener)
  return new Promise((resolve, reject) => {
    server.once('error', (error) => reject(explained(error, port, host, setting)))
    server.listen(port, host, () => {
      server.removeAllListeners('error')
      resolve(server)
    })
  })
}

function explained(cause: NodeJS.ErrnoException, port: number, host: string, setting: string): unknown {
  const place = `port ${port} of ${host}`
  switch (cause.code) {
    case 'EADDRINUSE':
      return new Failure(
        'port_taken',
        'conflict',
        `Port ${port} of ${host} is taken by ${portHolder(port, host) ?? 'another process'}. Stop that process, or choose another port with ${setting}.`,
        { cause },
      )
    case 'EACCES':
      return new Failure(
        'address_refused',
        'denied',
        `This user may not listen on ${place}. Choose a port above 1023 with ${setting}.`,
        { cause },
      )
    case 'EADDRNOTAVAIL':
    case 'ENOTFOUND':
      return new Failure(
        'address_refused',
        'invalid',
        `${host} is not an address of this machine. Set CLAVIGER_HOST to one of its addresses, or to 0.0.0.0 for all of them.`,
        { cause },
      )
    default:
      return cause
  }
}

/** A stop waits at most this long for open requests. */
export const longestRequestMs = 20_000

/** Accepts no new connections after `noticeMs`, waits for open requests, then closes the server. */
export async function drained(server: Server, noticeMs: number): Promise<void> {
  if (noticeMs > 0) await new Promise((resolve) => setTimeout(resolve, noticeMs))
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // Without this, a keep-alive connection would stay open after its last request.
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  const deadline = setTimeout(() => server.closeAllConnections(), longestRequestMs)
  await closed
  clearInterval(sweep)
  clearTimeout(deadline)
}
