import { Failure } from '../errors/failure.ts'

export interface QueueLimits {
  /** The number of tasks that run at a time. */
  concurrency: number
  /** The number of tasks that may wait. A further task is refused at once. */
  queueLimit: number
}

/**
 * Runs few tasks at a time and lets some wait in order. It refuses the rest at once, so that waiting times stay short.
 */
export class BoundedQueue {
  readonly #limits: QueueLimits
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /** The number of waiting tasks. */
  get depth(): number {
    return this.#waiting.length
  }

  /** The number of running tasks. */
  get running(): number {
    return this.#running
  }

  /** @throws Failure `hashing_busy` (unavailable) when the queue is full. */
  async run<T>(task: () => Promise<T>): Promise<T> {
    await this.#turn()
    try {
      return await task()
    } finally {
      this.#passOn()
    }
  }

  async #turn(): Promise<void> {
    if (this.#running < this.#limits.concurrency) {
      this.#running += 1
      return
    }
    if (this.#waiting.length >= this.#limits.queueLimit) {
      throw new Failure(
        'hashing_busy',
        'unavailable',
        'Too many people are signing in just now; try again in a moment',
        {
          retryAfterSeconds: 1,
          detail: { waiting: this.#waiting.length, running: this.#running },
        },
      )
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Hands the place directly to the next task in line, so that no other task can take it. */
  #passOn(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running -= 1
  }
}
