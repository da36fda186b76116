/** Sockets of Postgres connections that can be closed at once, without waiting for the server. */
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

  /** Closes every open socket at once. Waiting queries fail. */
  cut(): void {
    for (const socket of this.#open) socket.destroy()
  }
}
