/** Listening, and leaving politely. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { serverSettings } from './server-settings.ts'

export function listen(listener: RequestListener, port: number, host: string): Promise<Server> {
  const server = createServer(serverSettings, listener)
  return new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, () => {
      server.off('error', reject)
      resolve(server)
    })
  })
}

/** In production the load balancer gets time to notice that readiness fails; nobody balances a laptop. */
const noticeMs = 5_000
const longestRequestMs = 20_000

export async function drained(server: Server, isBalanced: boolean): Promise<void> {
  if (isBalanced) await new Promise((resolve) => setTimeout(resolve, noticeMs))
  const closed = new Promise<void>((resolve) => server.close(() => resolve()))
  server.closeIdleConnections()
  const impatient = setTimeout(() => server.closeAllConnections(), longestRequestMs)
  await closed
  clearTimeout(impatient)
}
