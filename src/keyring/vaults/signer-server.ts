/** A signer behind a Unix socket: one JSON request a line. Responses are sent in the order in which they are ready. */
import { chmod, rm } from 'node:fs/promises'
import { createServer, type Server, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { Failure } from '../../errors/failure.ts'
import type { Signer, SignerTask } from '../live/signer.ts'

export interface SignerServer {
  close(): Promise<void>
}

interface Request {
  id: number
  task: SignerTask
  ask: never
}

/** A JWS of many claims is a few kilobytes. A sender of a megabyte is not Claviger. */
const MOST_BUFFERED = 1_000_000

/**
 * Every process that can connect to the socket can sign. Keep the socket in a folder that only the program's user can
 * enter.
 */
export async function serveSigner(signer: Signer, path: string): Promise<SignerServer> {
  await rm(path, { force: true })
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
    serveSocket(signer, socket)
  })
  await listening(server, path)
  await chmod(path, 0o600)
  return {
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve())
        for (const socket of sockets) socket.destroy()
      }),
  }
}

function serveSocket(signer: Signer, socket: Socket): void {
  let unread = 0
  socket.on('error', () => socket.destroy())
  socket.on('data', (chunk) => {
    unread = chunk.includes(0x0a) ? 0 : unread + chunk.length
    if (unread > MOST_BUFFERED) socket.destroy()
  })
  const lines = createInterface({ input: socket })
  lines.on('error', () => socket.destroy())
  lines.on('line', (line) => {
    void answer(signer, line).then((text) => {
      if (text === undefined) socket.destroy()
      else if (socket.writable) socket.write(`${text}\n`)
    })
  })
}

/** Undefined when the line is not a request: without an id there is nothing to respond to. */
async function answer(signer: Signer, line: string): Promise<string | undefined> {
  let request: Request
  try {
    request = JSON.parse(line) as Request
    if (!Number.isInteger(request.id) || !Object.hasOwn(signer.tasks, request.task)) return undefined
  } catch {
    return undefined
  }
  try {
    return JSON.stringify({ id: request.id, answer: await signer.tasks[request.task](request.ask) })
  } catch (reason) {
    // Send only the text of a Failure: the message of an unexpected error might quote a key.
    const { code, kind, message, detail } =
      reason instanceof Failure
        ? reason
        : new Failure('signer_failed', 'unavailable', 'The signer failed on this request.')
    return JSON.stringify({ id: request.id, failure: { code, kind, message, detail } })
  }
}

const listening = (server: Server, path: string): Promise<void> =>
  new Promise((resolve, reject) => {
    server.once('error', reject)
    server.listen(path, () => {
      server.off('error', reject)
      resolve()
    })
  })
