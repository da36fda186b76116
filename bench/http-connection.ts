/**
 * One keep-alive HTTP/1.1 connection with one request in flight. It reads as
 * little as it can, since the load generator shares the machine with the server.
 */
import { connect, type Socket } from 'node:net'

export interface Answer {
  status: number
  /** First value of a header, by its lower-case name. */
  header(name: string): string | undefined
  headers(name: string): string[]
  text(): string
}

interface Waiting {
  resolve(answer: Answer): void
  reject(error: Error): void
}

const headEnd = Buffer.from('\r\n\r\n')

/** Sends requests to one origin, one after the other. */
export class HttpConnection {
  readonly #port: number
  readonly #host: string
  #socket: Socket | undefined
  #received: Buffer = Buffer.alloc(0)
  #waiting: Waiting | undefined

  constructor(origin: string) {
    const url = new URL(origin)
    this.#port = Number(url.port || 80)
    this.#host = url.host
  }

  get(path: string, headers = ''): Promise<Answer> {
    return this.#send(`GET ${path} HTTP/1.1\r\nHost: ${this.#host}\r\n${headers}\r\n`)
  }

  postForm(path: string, body: string, headers = ''): Promise<Answer> {
    return this.#send(
      `POST ${path} HTTP/1.1\r\nHost: ${this.#host}\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
        `Content-Length: ${Buffer.byteLength(body)}\r\n${headers}\r\n${body}`,
    )
  }

  /** The next request opens a new socket; servers close idle ones when they like. */
  close(): void {
    this.#socket?.destroy()
    this.#socket = undefined
    this.#received = Buffer.alloc(0)
  }

  #send(request: string): Promise<Answer> {
    return new Promise((resolve, reject) => {
      this.#waiting = { resolve, reject }
      if (!this.#socket || this.#socket.destroyed) this.#socket = this.#open()
      this.#socket.write(request)
    })
  }

  #open(): Socket {
    const socket = connect({ port: this.#port, host: '127.0.0.1', noDelay: true })
    socket.on('data', (chunk) => this.#receive(chunk as Buffer))
    // A socket given up by `close` still reports its end, while the next request may already be waiting.
    const fail = (error: Error) => void (socket === this.#socket && this.#fail(error))
    socket.on('error', fail)
    socket.on('close', () => fail(new Error('the server closed the connection')))
    return socket
  }

  #fail(error: Error): void {
    const waiting = this.#waiting
    this.#waiting = undefined
    waiting?.reject(error)
  }

  #receive(chunk: Buffer): void {
    this.#received = this.#received.length ? Buffer.concat([this.#received, chunk]) : chunk
    const end = this.#received.indexOf(headEnd)
    if (end < 0) return
    const head = this.#received.toString('latin1', 0, end + 2)
    const body = readBody(head, this.#received, end + 4)
    if (!body) return
    this.#received = Buffer.alloc(0)
    const waiting = this.#waiting
    this.#waiting = undefined
    if (/\r\nconnection: close\r\n/i.test(head)) this.close()
    waiting?.resolve(newAnswer(head, body))
  }
}

/** The whole body, or undefined while more is to come. */
function readBody(head: string, received: Buffer, start: number): Buffer | undefined {
  const length = /\r\ncontent-length: *(\d+)/i.exec(head)?.[1]
  if (length !== undefined) {
    const end = start + Number(length)
    return received.length >= end ? received.subarray(start, end) : undefined
  }
  if (/\r\ntransfer-encoding: *chunked/i.test(head)) return readChunks(received, start)
  return Buffer.alloc(0)
}

function readChunks(received: Buffer, start: number): Buffer | undefined {
  const parts: Buffer[] = []
  let at = start
  while (true) {
    const lineEnd = received.indexOf('\r\n', at)
    if (lineEnd < 0) return undefined
    const size = Number.parseInt(received.toString('latin1', at, lineEnd), 16)
    const next = lineEnd + 2 + size + 2
    if (received.length < next) return undefined
    if (size === 0) return Buffer.concat(parts)
    parts.push(received.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = next
  }
}

const patterns = new Map<string, RegExp>()

/** Compiled once for each header name. */
function patternOf(name: string): RegExp {
  let pattern = patterns.get(name)
  if (!pattern) {
    pattern = new RegExp(`\\r\\n${name}: *([^\\r]*)`, 'gi')
    patterns.set(name, pattern)
  }
  return pattern
}

function newAnswer(head: string, body: Buffer): Answer {
  const headers = (name: string) => [...head.matchAll(patternOf(name))].map((match) => String(match[1]))
  return {
    status: Number(head.slice(9, 12)),
    header: (name) => headers(name)[0],
    headers,
    text: () => body.toString('utf8'),
  }
}
