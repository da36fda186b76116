/** Watches the tokens of long connections after they were accepted. */
import type { HeldToken } from './held-token.ts'
import { keyNames } from './marks.ts'

/**
 * - `revoked`: close the connection.
 * - `expired`: the token has expired; close the connection, or ask for a new token.
 * - `unknown`: the feed has been silent for too long.
 * - `refused`: this verifier does not accept the token.
 */
export type WatchEnd = 'revoked' | 'expired' | 'unknown' | 'refused'

type Listener = (reason: WatchEnd) => void

interface Watch {
  held: HeldToken
  listener: Listener
}

export class Watchers {
  readonly #all = new Set<Watch>()
  /** By each key of the feed that can revoke the token, since a service may have ten thousand connections. */
  readonly #named = new Map<string, Set<Watch>>()
  readonly #look: (held: HeldToken) => WatchEnd | undefined
  readonly #failed: () => void
  /** Watches that the next microtask checks; undefined if none. */
  #due: Set<Watch> | undefined

  /** @param failed called when a listener throws */
  constructor(look: (held: HeldToken) => WatchEnd | undefined, failed: () => void) {
    this.#look = look
    this.#failed = failed
  }

  get size(): number {
    return this.#all.size
  }

  add(held: HeldToken, listener: Listener): () => void {
    const watch = { held, listener }
    this.#all.add(watch)
    for (const name of namesOf(watch)) {
      const others = this.#named.get(name)
      if (others) others.add(watch)
      else this.#named.set(name, new Set([watch]))
    }
    this.#soon([watch])
    return () => this.#drop(watch)
  }

  /** Checks in the next microtask, since many entries come at once. @param keys the revoked keys; undefined checks all watches */
  changed(keys: readonly string[] | undefined): void {
    this.#soon(keys ? keys.flatMap((key) => [...(this.#named.get(key) ?? [])]) : this.#all)
  }

  lookAll(): void {
    this.#lookAt(this.#all)
  }

  clear(): void {
    this.#all.clear()
    this.#named.clear()
  }

  #soon(watches: Iterable<Watch>): void {
    const isFirst = this.#due === undefined
    const due = this.#due ?? new Set()
    for (const watch of watches) due.add(watch)
    if (due.size === 0) return
    this.#due = due
    if (!isFirst) return
    queueMicrotask(() => {
      this.#due = undefined
      this.#lookAt(due)
    })
  }

  #lookAt(watches: Iterable<Watch>): void {
    for (const watch of watches) {
      const reason = this.#all.has(watch) ? this.#look(watch.held) : undefined
      if (reason === undefined) continue
      this.#drop(watch)
      try {
        watch.listener(reason)
      } catch {
        this.#failed() // counted; the other listeners are still called
      }
    }
  }

  #drop(watch: Watch): void {
    this.#all.delete(watch)
    for (const name of namesOf(watch)) {
      const others = this.#named.get(name)
      others?.delete(watch)
      if (others?.size === 0) this.#named.delete(name)
    }
  }
}

const namesOf = ({ held }: Watch): string[] => (held.marks ? keyNames(held.marks.keys) : [])
