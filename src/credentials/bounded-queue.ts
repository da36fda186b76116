import { Failure } from '../errors/failure.ts'

export interface QueueLimits {
  /** How many tasks run at a time. */
  concurrency: number
  /** How many may wait; one more is refused at once. */
  queueLimit: number
}

/** Runs few tasks at a time, lets some wait in order, and refuses the rest at once rather than let everybody wait. */
export class BoundedQueue {
  readonly #limits: QueueLimits
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limits: QueueLimits) {
    this.#limits = limits
  }

  /** How many wait. */
  get depth(): number {
    return this.#waiting.length
  }

  /** How many run now. */
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

  /** The place goes straight to the next in line, so nobody can slip in between. */
  #passOn(): void {
    const next = this.#waiting.shift()
    if (next) next()
    else this.#running -= 1
  }
}
