/** One address before several nodes: each request goes to the next, past those that are gone. */
import { Agent, createServer, type IncomingMessage, request, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export interface RoundRobin {
  port: number
  /** Who stands behind it from now on. */
  use(ports: readonly number[]): void
  close(): Promise<void>
}

const mostTries = 3

export async function startRoundRobin(): Promise<RoundRobin> {
  const agent = new Agent({ keepAlive: true })
  let ports: readonly number[] = []
  let turn = 0

  function forward(incoming: IncomingMessage, body: Buffer, outgoing: ServerResponse, tries: number): void {
    const { method, url: path, headers } = incoming
    const port = ports[turn++ % ports.length]
    // A kept connection may be one that the node has just closed: the second try makes its own.
    const through = tries === mostTries ? agent : false
    const inner = request({ host: '127.0.0.1', port, method, path, headers, agent: through }, (answer) => {
      outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(outgoing)
    })
    // A node that was killed: what it had not begun to answer, another one answers.
    inner.on('error', (error) => {
      if (outgoing.headersSent || tries === 0) outgoing.destroy(error)
      else forward(incoming, body, outgoing, tries - 1)
    })
    inner.end(body)
  }

  const server = createServer((incoming, outgoing) => {
    const chunks: Buffer[] = []
    incoming.on('data', (chunk: Buffer) => chunks.push(chunk))
    incoming.on('end', () => forward(incoming, Buffer.concat(chunks), outgoing, mostTries))
  })
  // Nodes of the test come and go; the one in front must not close a connection that a verifier is about to use again.
  server.keepAliveTimeout = 0
  await new Promise<void>((resolve) => server.listen(0, 'localhost', resolve))
  return {
    port: (server.address() as AddressInfo).port,
    use(next) {
      ports = next
    },
    async close() {
      server.closeAllConnections()
      agent.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
