/** A TCP port that leads to the tests' Postgres, for a process that may not enter the folder of its Unix socket. */
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'

export interface TcpDoor {
  /** The same database, by way of the port. */
  url: string
  close(): Promise<void>
}

/**
 * @param url as `freshDatabase()` gives it
 * @param port that of a door which was closed, to open it again; any other without it
 */
export async function openTcpDoor(url: string, port = 0): Promise<TcpDoor> {
  const inside = new URL(url)
  const socketPath = join(inside.searchParams.get('host') ?? '', `.s.PGSQL.${inside.port || 5432}`)
  const open = new Set<Socket>()
  const server = createServer((caller) => {
    const postgres = connect(socketPath)
    for (const [one, other] of [
      [caller, postgres],
      [postgres, caller],
    ] as const) {
      open.add(one)
      one.pipe(other)
      // Either side may break off; then the other has nobody left to talk to.
      one
        .on('error', () => other.destroy())
        .on('close', () => {
          open.delete(one)
          other.destroy()
        })
    }
  })
  await new Promise<void>((resolve) => server.listen(port, '127.0.0.1', resolve))
  const outside = new URL(url)
  outside.search = '?sslmode=disable'
  outside.host = `127.0.0.1:${(server.address() as AddressInfo).port}`
  return {
    url: outside.href,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
}
