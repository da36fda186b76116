/** Servers on the loopback that respond as a test requires. */
import { createServer, type RequestListener, type Server } from 'node:http'
import { type AddressInfo, createServer as createTcpServer, type Socket } from 'node:net'

const open: { close(): unknown }[] = []

/** An HTTP server: its URL, and the requests that it received. */
export async function serve(answer: RequestListener, host = '127.0.0.1', port = 0) {
  const asked: string[] = []
  const server = createServer((request, response) => {
    asked.push(`${request.method} ${request.url}`)
    answer(request, response)
  })
  await listening(server, host, port)
  open.push({
    close() {
      server.closeAllConnections()
      server.close()
    },
  })
  return { port: portOf(server), url: `http://${host}:${portOf(server)}`, asked }
}

/** A TCP server that sends these bytes, or handles the connection with the given function. */
export async function speak(say: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>()
  const server = createTcpServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => {})
    socket.once('data', () => say(socket))
  })
  await listening(server as unknown as Server, '127.0.0.1', 0)
  open.push({
    close() {
      for (const socket of sockets) socket.destroy()
      server.close()
    },
  })
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
}

export function closeAll(): void {
  for (const each of open.splice(0)) each.close()
}

const portOf = (server: Server) => (server.address() as AddressInfo).port

const listening = (server: Server, host: string, port: number) =>
  new Promise<void>((resolve, reject) => server.once('error', reject).listen(port, host, () => resolve()))
