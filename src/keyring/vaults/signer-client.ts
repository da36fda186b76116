/**
 * The client of a signer in another process. It opens one connection when needed and reconnects when the connection is
 * lost. Requests may overlap.
 */
import { createConnection, type Socket } from 'node:net'
import { createInterface } from 'node:readline'
import { Failure, type FailureKind } from '../../errors/failure.ts'
import type { SignerTask, SignerTasks } from '../live/signer.ts'

interface Waiting {
  resolve(answer: unknown): void
  reject(reason: Failure): void
  timer: NodeJS.Timeout
}

interface Answer {
  id: number
  answer?: unknown
  failure?: { code: string; kind: FailureKind; message: string; detail: Record<string, unknown> }
}

export class SignerClient {
  readonly #path: string
  readonly #patienceMilliseconds: number
  readonly #waiting = new Map<number, Waiting>()
  #socket: Socket | undefined
  #lastId = 0

  constructor(path: string, options: { patienceMilliseconds?: number } = {}) {
    this.#path = path
    this.#patienceMilliseconds = options.patienceMilliseconds ?? 5_000
  }

  /** @throws Failure as the signer returned it, or `signer_unavailable` */
  ask<Task extends SignerTask>(task: Task, ask: SignerTasks[Task]['ask']): Promise<SignerTasks[Task]['answer']> {
    const id = ++this.#lastId
    return new Promise((resolve, reject) => {
      const giveUp = () => this.#settle(id, (waiting) => waiting.reject(unavailable('it does not respond')))
      const timer = setTimeout(giveUp, this.#patienceMilliseconds)
      this.#waiting.set(id, { resolve: resolve as (answer: unknown) => void, reject, timer })
      this.#connected().write(`${JSON.stringify({ id, task, ask })}\n`)
    })
  }

  close(): void {
    this.#socket?.destroy()
  }

  #connected(): Socket {
    if (this.#socket && !this.#socket.destroyed) return this.#socket
    const socket = createConnection(this.#path)
    socket.unref()
    let cause: unknown
    socket.on('error', (error) => {
      cause = error
    })
    socket.on('close', () => {
      if (this.#socket === socket) this.#loseAll(cause)
    })
    createInterface({ input: socket })
      .on('line', (line) => this.#receive(line))
      .on('error', () => {}) // The socket has reported this error already.
    this.#socket = socket
    return socket
  }

  #receive(line: string): void {
    const { id, answer, failure } = JSON.parse(line) as Answer
    this.#settle(id, (waiting) => {
      if (!failure) waiting.resolve(answer)
      else waiting.reject(new Failure(failure.code, failure.kind, failure.message, { detail: failure.detail }))
    })
  }

  #settle(id: number, how: (waiting: Waiting) => void): void {
    const waiting = this.#waiting.get(id)
    if (!waiting) return
    this.#waiting.delete(id)
    clearTimeout(waiting.timer)
    how(waiting)
  }

  #loseAll(cause: unknown): void {
    this.#socket = undefined
    for (const id of [...this.#waiting.keys()]) {
      this.#settle(id, (waiting) => waiting.reject(unavailable('the connection was lost', cause)))
    }
  }
}

const unavailable = (why: string, cause?: unknown): Failure =>
  new Failure(
    'signer_unavailable',
    'unavailable',
    `The signer is unavailable: ${why}. Check that its process is running.`,
    {
      cause,
      retryAfterSeconds: 1,
    },
  )
