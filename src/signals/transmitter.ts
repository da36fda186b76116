/**
 * The background work of a node for streams: follows the journal, wakes waiting polls, pushes, and removes old events.
 */
import { Failure } from '../errors/failure.ts'
import { progress, windowSize } from './delivery.ts'
import { type PushNeeds, pushTurn } from './push.ts'
import { type JournalHead, keptSeconds } from './signals.ts'
import type { StreamJournal } from './stream-journal.ts'
import type { StreamStore } from './stream-store.ts'

export interface TransmitterNeeds extends Omit<PushNeeds, 'journal' | 'head' | 'signal'> {
  journal: StreamJournal
  streams: Pick<StreamStore, 'list'>
  onTrouble(error: unknown): void
  /** How often the journal is read; 500 ms. */
  pollMs?: number
}

export class Transmitter {
  readonly #needs: TransmitterNeeds
  readonly #stopping = new AbortController()
  readonly #listeners = new Set<(isNews: boolean) => void>()
  /** Running turns, by stream. */
  readonly #turns = new Map<string, Promise<void>>()
  /** The state in which a stream last had nothing to push. It is kept in memory only. */
  readonly #idle = new Map<string, string>()
  #head: JournalHead & { hasStreams: boolean }
  #running: Promise<void> | undefined
  #wake: () => void = () => {}

  private constructor(needs: TransmitterNeeds, head: JournalHead & { hasStreams: boolean }) {
    this.#needs = needs
    this.#head = head
  }

  static async start(needs: TransmitterNeeds): Promise<Transmitter> {
    const transmitter = new Transmitter(needs, await needs.journal.advance())
    transmitter.#running = transmitter.#run()
    return transmitter
  }

  get head(): JournalHead {
    return this.#head
  }

  /** Reads the journal now, for an event that this node has just written. */
  look(): void {
    if (this.#head.hasStreams) this.#wake()
  }

  /** Resolves true on a new entry in the journal; false after `waitMs`, on abort, or when this node stops. */
  news(waitMs: number, signal: AbortSignal): Promise<boolean> {
    return new Promise((resolve) => {
      const done = (isNews: boolean) => {
        clearTimeout(timer)
        signal.removeEventListener('abort', giveUp)
        this.#listeners.delete(done)
        resolve(isNews)
      }
      const giveUp = () => done(false)
      const timer = setTimeout(giveUp, Math.max(0, waitMs))
      this.#listeners.add(done)
      signal.addEventListener('abort', giveUp)
      if (signal.aborted || this.#stopping.signal.aborted) giveUp()
    })
  }

  /** Disables streams that no receiver reads, and removes old events. One node does this at intervals. */
  async clear(): Promise<void> {
    for (const { id } of await this.#needs.streams.list()) await this.#clearStream(id).catch(unlessGone)
    await this.#needs.journal.removeOld(keptSeconds)
  }

  /** Stops and resolves when the running turns have ended. */
  async stop(): Promise<void> {
    this.#stopping.abort()
    this.#wake()
    this.#notify(false)
    await this.#running
    await Promise.all(this.#turns.values())
  }

  async #run(): Promise<void> {
    while (!this.#stopping.signal.aborted) {
      await this.#pause()
      if (this.#stopping.signal.aborted) return
      try {
        await this.#follow()
        if (this.#head.hasStreams) await this.#push()
      } catch (error) {
        this.#needs.onTrouble(error)
      }
    }
  }

  #pause(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, this.#needs.pollMs ?? 500)
      this.#wake = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  async #follow(): Promise<void> {
    const before = this.#head
    this.#head = await this.#needs.journal.advance()
    if (this.#head.seq !== before.seq || this.#head.epoch !== before.epoch) this.#notify(true)
  }

  #notify(isNews: boolean): void {
    for (const listener of [...this.#listeners]) listener(isNews)
  }

  async #push(): Promise<void> {
    const { seq, epoch } = this.#head
    const pushable = await this.#needs.journal.listPushable()
    for (const id of this.#idle.keys()) if (!pushable.some((one) => one.id === id)) this.#idle.delete(id)
    for (const { id, version } of pushable) {
      const state = `${epoch}.${seq} ${version}`
      if (this.#turns.has(id) || this.#idle.get(id) === state) continue
      const turn = this.#takeTurns(id, state)
        .catch(unlessGone)
        .catch(this.#needs.onTrouble)
        .finally(() => this.#turns.delete(id))
      this.#turns.set(id, turn)
    }
  }

  async #takeTurns(id: string, state: string): Promise<void> {
    const { signal } = this.#stopping
    const needs: PushNeeds = { ...this.#needs, head: () => this.#head, signal }
    let turn = await pushTurn(id, needs)
    while (turn === 'pushed' && !signal.aborted) turn = await pushTurn(id, needs)
    if (turn === 'nothing') this.#idle.set(id, state)
  }

  async #clearStream(id: string): Promise<void> {
    const { journal, now } = this.#needs
    await this.#passOver(id)
    const { events, stream } = await journal.look(id, 1)
    const [oldest] = events
    const age = oldest ? (now().getTime() - oldest.at.getTime()) / 1000 : 0
    if (stream.status !== 'disabled' && age > keptSeconds) await journal.halt(id, 'disabled', tooLate, { skip: true })
  }

  /** Moves the cursor past events that do not concern the stream, so that only its own events are kept. */
  async #passOver(id: string): Promise<void> {
    const { journal, issuer } = this.#needs
    for (;;) {
      const window = await journal.look(id, windowSize)
      const { cursor } = progress(window.stream, window.events, [], issuer)
      if (cursor === window.stream.cursor) return
      await journal.moveOn(id, windowSize, ({ stream, events }) => progress(stream, events, [], issuer))
    }
  }
}

/** Ignores a stream that its receiver has just removed. */
function unlessGone(error: unknown): void {
  if (!(error instanceof Failure && error.code === 'stream_missing')) throw error
}

const tooLate =
  'Events were not received for seven days and have been deleted. Discard all cached session state of this issuer, then enable the stream again.'
