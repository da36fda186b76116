/** Long connections: a token that was good when they began may not be any more. */
import type { HeldToken } from './held-token.ts'

/**
 * - `revoked`: close the connection.
 * - `expired`: the token's time is over; close it, or ask for a new token.
 * - `unknown`: nothing was heard of revocations for too long.
 * - `refused`: the text given was no token that this verifier accepts.
 */
export type WatchEnd = 'revoked' | 'expired' | 'unknown' | 'refused'

type Listener = (reason: WatchEnd) => void

export class Watchers {
  readonly #watched = new Map<Listener, HeldToken>()
  readonly #look: (held: HeldToken) => WatchEnd | undefined
  readonly #failed: () => void
  #isLooking = false

  /** @param failed told when a listener throws */
  constructor(look: (held: HeldToken) => WatchEnd | undefined, failed: () => void) {
    this.#look = look
    this.#failed = failed
  }

  get size(): number {
    return this.#watched.size
  }

  add(held: HeldToken, listener: Listener): () => void {
    const own: Listener = (reason) => listener(reason)
    this.#watched.set(own, held)
    this.soon()
    return () => {
      this.#watched.delete(own)
    }
  }

  /** After what is going on now: many entries come at once. */
  soon(): void {
    if (this.#isLooking || this.#watched.size === 0) return
    this.#isLooking = true
    queueMicrotask(() => {
      this.#isLooking = false
      this.lookAll()
    })
  }

  lookAll(): void {
    for (const [listener, held] of this.#watched) {
      const reason = this.#look(held)
      if (reason === undefined) continue
      this.#watched.delete(listener)
      try {
        listener(reason)
      } catch {
        this.#failed() // counted; the others must hear of theirs
      }
    }
  }

  clear(): void {
    this.#watched.clear()
  }
}
