/** A TCP port that leads elsewhere, and can be closed: what was connected through it is cut off. */
import { type AddressInfo, connect, createServer, type NetConnectOpts, type Server, type Socket } from 'node:net'
import { join } from 'node:path'

export interface Door {
  readonly port: number
  /** Leads there from now on; what is connected already stays where it is. */
  lead(to: NetConnectOpts): void
  /** Forwards nothing any more in either direction, without closing: what is connected, and what connects until `lead`. */
  freeze(): void
  readonly wasFrozen: boolean
  /** Opens it again where it was. */
  open(): Promise<void>
  /** Cuts every connection; new ones are refused. */
  close(): Promise<void>
}

/** @param port any by default */
export async function openDoor(to: NetConnectOpts, port = 0): Promise<Door> {
  const open = new Set<Socket>()
  let target = to
  let at = port
  let server: Server | undefined
  let isFrozen = false
  let wasFrozen = false
  const silence = (socket: Socket) => socket.unpipe().pause()
  const serve = (caller: Socket) => {
    if (isFrozen) {
      open.add(caller)
      caller.on('error', () => {}).on('close', () => open.delete(caller))
      silence(caller)
      return
    }
    const inside = connect({ noDelay: true, ...target })
    for (const [one, other] of [
      [caller, inside],
      [inside, caller],
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
  }
  const door: Door = {
    get wasFrozen() {
      return wasFrozen
    },
    get port() {
      return at
    },
    lead(next) {
      target = next
      isFrozen = false
    },
    freeze() {
      isFrozen = true
      wasFrozen = true
      for (const socket of open) silence(socket)
    },
    async open() {
      const opened = createServer(serve)
      server = opened
      await new Promise<void>((resolve, reject) => opened.once('error', reject).listen(at, '127.0.0.1', resolve))
      at = (opened.address() as AddressInfo).port
    },
    close: () =>
      new Promise((resolve) => {
        server?.close(() => resolve())
        for (const socket of open) socket.destroy()
      }),
  }
  await door.open()
  return door
}

export interface TcpDoor {
  /** The same database, by way of the port. */
  url: string
  open(): Promise<void>
  close(): Promise<void>
}

/**
 * To the tests' Postgres, for a process that may not enter the folder of its Unix socket, or that is to lose it.
 * @param url as `freshDatabase()` gives it
 * @param port that of a door which was closed, to open it again; any other without it
 */
export async function openTcpDoor(url: string, port = 0): Promise<TcpDoor> {
  const inside = new URL(url)
  const path = join(inside.searchParams.get('host') ?? '', `.s.PGSQL.${inside.port || 5432}`)
  const door = await openDoor({ path }, port)
  const outside = new URL(url)
  outside.search = '?sslmode=disable'
  outside.host = `127.0.0.1:${door.port}`
  return { url: outside.href, open: door.open, close: door.close }
}
