/** Sockets of Postgres connections that can be closed at once, without waiting for a server that may never answer. */
import { Socket } from 'node:net'

export class CuttableSockets {
  readonly #open = new Set<Socket>()

  /** For the `stream` setting of `pg`. */
  readonly create = (): Socket => this.adopt(new Socket())

  adopt(socket: Socket): Socket {
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    return socket
  }

  /** Closes all of them, whatever is under way. Queries that wait on them fail. */
  cut(): void {
    for (const socket of this.#open) socket.destroy()
  }
}
