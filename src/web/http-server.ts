/** Listening, and leaving politely. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { Failure } from '../errors/failure.ts'
import { portHolder } from './port-holder.ts'
import { serverSettings } from './server-settings.ts'

/**
 * @param setting chooses another port, as a refusal says
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
        `${host} is no address of this machine. Set CLAVIGER_HOST to one that is, or to 0.0.0.0 for all.`,
        { cause },
      )
    default:
      return cause
  }
}

/** A stop waits so long for requests under way. */
export const longestRequestMs = 20_000

/** Takes no new connections after `noticeMs`, lets requests under way finish, then closes. */
export async function drained(server: Server, noticeMs: number): Promise<void> {
  if (noticeMs > 0) await new Promise((resolve) => setTimeout(resolve, noticeMs))
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  // A connection whose request has just finished would otherwise be kept for the next one.
  const sweep = setInterval(() => server.closeIdleConnections(), 50)
  const impatient = setTimeout(() => server.closeAllConnections(), longestRequestMs)
  await closed
  clearInterval(sweep)
  clearTimeout(impatient)
}
