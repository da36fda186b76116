/** A port before a Postgres that can refuse some connections, fall silent, or close. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'

export interface Gate {
  url: string
  /** Nothing passes any more, and nobody is told: as when a machine or a cable is gone. */
  fallSilent(): void
  /** Cuts all connections and takes no new ones. */
  close(): Promise<void>
}

/** @param takes asked for each connection, with its first packet (which names the application) */
export async function openGate(postgresUrl: string, takes: (startup: string) => boolean = () => true): Promise<Gate> {
  const sockets = new Set<Socket>()
  let isSilent = false
  const keep = (socket: Socket) => {
    sockets.add(socket)
    socket.on('error', () => {}).on('close', () => sockets.delete(socket))
    return socket
  }
  const server = createServer((caller) => {
    keep(caller)
    if (isSilent) return void caller.pause()
    caller.once('data', (startup) => {
      if (!takes(startup.toString('latin1'))) return void caller.destroy()
      const inside = keep(connect(Number(new URL(postgresUrl).port), '127.0.0.1'))
      inside.write(startup)
      caller.pipe(inside).pipe(caller)
      caller.on('close', () => inside.destroy())
      inside.on('close', () => caller.destroy())
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const url = new URL(postgresUrl)
  url.port = String((server.address() as AddressInfo).port)
  url.search = '?sslmode=disable'
  return {
    url: url.href,
    fallSilent() {
      isSilent = true
      for (const socket of sockets) socket.unpipe().pause()
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}
