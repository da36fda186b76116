/**
 * A proxy in front of Postgres that counts what a server asks of it. It reads
 * the frontend's messages only: a Query or an Execute is one statement. A round
 * trip is a wait: it begins when something is sent while nothing is outstanding,
 * so that pipelined and parallel statements count once.
 */

import { chmodSync, mkdirSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { join } from 'node:path'

export interface WireCounts {
  statements: number
  roundTrips: number
}

export interface WireCounter {
  socketFolder: string
  counts(): WireCounts
  stop(): Promise<void>
}

const socketName = '.s.PGSQL.5432'
const [query, execute, sync, readyForQuery] = ['Q', 'E', 'S', 'Z'].map((letter) => letter.charCodeAt(0))

/** Calls back with the type of each message of one direction; messages may be cut anywhere. */
function newMessageReader(startsWithoutType: boolean, onMessage: (type: number | undefined) => void) {
  let rest: Buffer = Buffer.alloc(0)
  let untyped = startsWithoutType
  return (chunk: Buffer) => {
    rest = rest.length ? Buffer.concat([rest, chunk]) : chunk
    while (true) {
      const typeLength = untyped ? 0 : 1
      if (rest.length < typeLength + 4) return
      const end = typeLength + rest.readUInt32BE(typeLength)
      if (rest.length < end) return
      onMessage(untyped ? undefined : rest[0])
      untyped = false
      rest = rest.subarray(end)
    }
  }
}

/** Listens as a Postgres of its own in `folder`, and passes everything on. */
export async function startWireCounter(postgresSocketFolder: string, folder: string): Promise<WireCounter> {
  mkdirSync(folder, { recursive: true })
  const counts: WireCounts = { statements: 0, roundTrips: 0 }
  let outstanding = 0
  const sockets = new Set<Socket>()

  const server = createServer((client) => {
    const backend = connect(join(postgresSocketFolder, socketName))
    const fromClient = newMessageReader(true, (type) => {
      if (type === query || type === execute) counts.statements++
      if (type !== query && type !== sync) return
      if (outstanding === 0) counts.roundTrips++
      outstanding++
    })
    let greeted = false
    const fromBackend = newMessageReader(false, (type) => {
      if (type !== readyForQuery) return
      if (greeted) outstanding--
      greeted = true // the first one ends the greeting, which nobody asked for
    })
    client.on('data', (chunk) => fromClient(chunk as Buffer))
    backend.on('data', (chunk) => fromBackend(chunk as Buffer))
    for (const [one, other] of [
      [client, backend],
      [backend, client],
    ] as const) {
      sockets.add(one)
      one.on('error', () => other.destroy())
      one.on('close', () => sockets.delete(one))
      one.pipe(other)
    }
  })
  await new Promise<void>((resolve) => server.listen(join(folder, socketName), resolve))
  chmodSync(join(folder, socketName), 0o777)
  return {
    socketFolder: folder,
    counts: () => ({ ...counts }),
    stop: () =>
      new Promise((resolve) => {
        for (const socket of sockets) socket.destroy()
        server.close(() => resolve())
      }),
  }
}
