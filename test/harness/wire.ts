/** HTTP without manners: any header, any bytes, to a port of the loopback. */
import { Agent, type IncomingHttpHeaders, request } from 'node:http'
import { connect } from 'node:net'

export interface WireAnswer {
  status: number
  headers: IncomingHttpHeaders
  body: Buffer
  text: string
}

export interface WireRequest {
  method?: string
  /** Goes into the request line as it is. */
  path: string
  /** A Host of one's own, or of none: nothing is added. */
  headers?: Readonly<Record<string, string | readonly string[]>>
  body?: string | Buffer
  /** Keeps connections alive between requests. */
  agent?: Agent
}

/** One request, no redirect followed, no cookie kept. */
export function ask(
  port: number,
  { method = 'GET', path, headers = {}, body, agent }: WireRequest,
): Promise<WireAnswer> {
  return new Promise((resolve, reject) => {
    const sent = request(
      { host: '127.0.0.1', port, method, path, agent: agent ?? false, setHost: false },
      (response) => {
        const chunks: Buffer[] = []
        response.on('data', (chunk: Buffer) => chunks.push(chunk)).once('error', reject)
        response.once('end', () => {
          const whole = Buffer.concat(chunks)
          const { statusCode: status = 0, headers } = response
          resolve({ status, headers, body: whole, text: whole.toString('utf8') })
        })
      },
    )
    for (const [name, value] of Object.entries(headers)) sent.setHeader(name, value)
    sent.once('error', reject).end(body)
  })
}

/** An agent for many requests, closed by `destroy()`. */
export const keptAlive = (maxSockets = 8): Agent => new Agent({ keepAlive: true, maxSockets })

/** Says these bytes and gives what came back until the other side hung up. */
export function say(port: number, bytes: string | Buffer): Promise<string> {
  return new Promise((resolve) => {
    const heard: Buffer[] = []
    const done = () => resolve(Buffer.concat(heard).toString('latin1'))
    const socket = connect({ host: '127.0.0.1', port }, () => socket.write(bytes))
    // A server that slams the door has answered, too.
    socket.on('data', (chunk: Buffer) => heard.push(chunk)).on('error', () => undefined)
    socket.once('close', done)
  })
}
