/**
 * Follows the feed: the snapshot, then the stream from its cursor, or polling
 * where streams are blocked. After a failure it starts again: quickly while
 * tokens are still accepted, more slowly in the states BLIND and COLD.
 */
import { type Clock, pause } from './clock.ts'
import type { FeedArchive } from './feed-archive.ts'
import { type FeedRequests, StreamHeldBack } from './feed-requests.ts'
import { type Frame, isFault, readFrame, type Sender } from './frame.ts'
import type { FeedState, Freshness } from './freshness.ts'
import type { Platform } from './platform.ts'
import type { RevocationList } from './revocation-list.ts'
import { splitSnapshot, takeSnapshot } from './snapshot.ts'
import type { Telemetry } from './telemetry.ts'
import { BadAnswer } from './web-requests.ts'

export interface FeedFollowerNeeds {
  requests: FeedRequests
  list: RevocationList
  freshness: Freshness
  sender: Sender
  platform: Platform
  clock: Clock
  telemetry: Telemetry
  signal: AbortSignal
  state(): FeedState
  /** `poll` sends a request each second, which an edge cache can answer; `stream` falls back to polling. */
  transport: 'stream' | 'poll'
  archive: FeedArchive | undefined
  /** Called with the version of the key set in each frame that has one. */
  jwksAnnounced(version: string): void
}

/** How long polling replaces a blocked stream. */
const standInMs = 30_000
/** Shorter than the duration of FRESH. */
const pollSeconds = 3
/** Statuses of a server without a stream. */
const noStream = new Set([404, 405, 406, 415, 421, 501])
const mostFaults = 20

export class FeedFollower {
  readonly #needs: FeedFollowerNeeds
  #mustReload = false
  #isReload = false
  #pollUntil = Number.NEGATIVE_INFINITY
  #faults = 0
  #progress = 0
  #reportedUntimelyAt = Number.NEGATIVE_INFINITY

  constructor(needs: FeedFollowerNeeds) {
    this.#needs = needs
  }

  async follow(): Promise<void> {
    const { signal, telemetry } = this.#needs
    await this.#restore()
    for (let failures = 0; !signal.aborted; ) {
      const before = this.#progress
      let retryAfterMs: number | undefined
      try {
        await this.#readOn()
      } catch (error) {
        if (signal.aborted) return
        if (error instanceof StreamHeldBack) this.#pollUntil = this.#now + standInMs
        if (error instanceof BadAnswer) retryAfterMs = this.#heed(error)
        telemetry.count('feedFailures')
        telemetry.emit({ type: 'failure', what: 'feed', error })
      }
      failures = this.#progress > before ? 0 : failures + 1
      await pause(this.#restMs(failures, retryAfterMs), signal)
    }
  }

  get #now(): number {
    return this.#needs.clock.monotonicMs()
  }

  /** Short while tokens are accepted. `Retry-After` of a node is respected. */
  #restMs(failures: number, retryAfterMs: number | undefined): number {
    const { clock, state } = this.#needs
    // A restarting node disconnects all verifiers at once, so they reconnect spread over half a second.
    if (failures === 0) return Math.max(retryAfterMs ?? 0, 500 * clock.random())
    const isBlind = ['BLIND', 'COLD'].includes(state())
    const longest = Math.min(isBlind ? 5_000 : 700, 100 * 2 ** Math.min(failures, 10))
    return Math.max(retryAfterMs ?? 0, longest * (0.5 + clock.random() / 2))
  }

  #heed(answer: BadAnswer): number | undefined {
    if (answer.status === 410) this.#mustReload = true
    if (noStream.has(answer.status)) this.#pollUntil = this.#now + standInMs
    return answer.retryAfterMs
  }

  async #readOn(): Promise<void> {
    const { list, requests, transport, telemetry } = this.#needs
    if (this.#mustReload || !list.isComplete || !list.cursor) await this.#loadSnapshot()
    telemetry.count('feedConnections')
    if (transport === 'poll' || this.#now < this.#pollUntil) await this.#poll()
    else if (list.cursor) await requests.stream(list.cursor, (frame) => this.#take(frame))
  }

  async #poll(): Promise<void> {
    const { list, requests, transport, clock, signal } = this.#needs
    // The first request does not wait for new entries, so it proves freshness at once.
    for (let waitSeconds = 0; !signal.aborted && list.cursor && !this.#mustReload; ) {
      if (transport === 'stream' && this.#now >= this.#pollUntil) return
      const frames = await requests.changes(list.cursor, waitSeconds)
      if (transport === 'stream') waitSeconds = pollSeconds
      const more = await this.#takeAll(frames)
      if (!more && transport === 'poll') await pause(1_000 * (0.9 + clock.random() / 5), signal)
      else if (!more && frames.length === 0) await pause(500, signal)
    }
  }

  /** Applies a frame of the stream. Missing entries are fetched before the next frame is read. */
  async #take(text: string): Promise<void> {
    const frame = await this.#read(text)
    if (!frame) return
    const effect = this.#apply(frame, text)
    if (effect === 'epoch') {
      this.#mustReload = true
      throw new Error('the log started a new epoch')
    }
    if (effect === 'gap') await this.#fillGap()
    if (!this.#needs.list.isComplete) throw new Error('the feed has more entries than maxEntries')
    if (this.#needs.archive?.wantsSnapshot) await this.#loadSnapshot()
  }

  async #fillGap(): Promise<void> {
    const { list, requests, telemetry } = this.#needs
    telemetry.count('gaps')
    telemetry.emit({ type: 'gap', seq: list.cursor?.seq ?? 0 })
    for (let more = true; more && list.cursor; ) {
      more = await this.#takeAll(await requests.changes(list.cursor, 0))
    }
  }

  /** True when the last frame was new: then there may be more. */
  async #takeAll(texts: readonly string[]): Promise<boolean> {
    const before = this.#needs.list.cursor?.seq
    let last: Frame | undefined
    for (const text of texts) {
      last = await this.#read(text)
      if (!last) continue
      const effect = this.#apply(last, text)
      if (effect === 'epoch') this.#mustReload = true
      if (effect === 'epoch' || effect === 'gap')
        throw new Error(`the changes start after the requested cursor: ${effect}`)
    }
    return last !== undefined && last.from <= last.to && this.#needs.list.cursor?.seq !== before
  }

  async #read(text: string): Promise<Frame | undefined> {
    const { sender, telemetry } = this.#needs
    const frame = await readFrame(text, sender)
    if (!isFault(frame)) {
      this.#faults = 0
      return frame
    }
    telemetry.count('framesRefused')
    telemetry.emit({ type: 'frame-refused', reason: frame })
    this.#faults += 1
    if (this.#faults >= mostFaults) {
      this.#faults = 0
      throw new Error(`${mostFaults} invalid frames in a row`)
    }
    return undefined
  }

  #apply(frame: Frame, text: string) {
    const { list, freshness, telemetry, archive, jwksAnnounced } = this.#needs
    const wasComplete = list.isComplete
    const effect = list.apply(frame)
    if (wasComplete && !list.isComplete) telemetry.emit({ type: 'overflow', entries: list.revoked.size })
    archive?.keepFrame(text, frame)
    if (effect !== 'applied') return effect
    telemetry.count('framesApplied')
    if (freshness.prove(frame.iat)) this.#progress += 1
    else this.#reportUntimely(frame.iat)
    if (frame.jwks !== undefined) jwksAnnounced(frame.jwks)
    return effect
  }

  #reportUntimely(iat: number): void {
    if (this.#now - this.#reportedUntimelyAt < 60_000) return
    this.#reportedUntimelyAt = this.#now
    const signedSecondsAgo = Math.round(this.#needs.clock.wallMs() / 1000 - iat)
    this.#needs.telemetry.emit({ type: 'untimely', signedSecondsAgo })
  }

  async #loadSnapshot(): Promise<void> {
    const { requests, list, telemetry, archive } = this.#needs
    // A cached snapshot may be the reason for a reload, so a reload bypasses caches.
    const bytes = await requests.snapshot(this.#isReload)
    this.#isReload = true
    const { manifest, content } = splitSnapshot(bytes)
    const { epoch, seq } = await takeSnapshot(manifest, content, this.#needs)
    this.#mustReload = false
    telemetry.count('snapshots')
    telemetry.emit({ type: 'snapshot', from: 'feed', epoch, seq, entries: list.revoked.size })
    if (!list.isComplete) {
      telemetry.emit({ type: 'overflow', entries: list.revoked.size })
      throw new Error('the snapshot has more entries than maxEntries')
    }
    archive?.keepSnapshot(bytes, { epoch, seq }, this.#needs.freshness.forgetBefore)
  }

  /** Loads the stored feed of an earlier run, verified like the feed itself. */
  async #restore(): Promise<void> {
    const { archive, list, telemetry } = this.#needs
    if (!archive) return
    try {
      await archive.load(this.#needs)
    } catch (error) {
      telemetry.emit({ type: 'failure', what: 'persist', error })
    }
    const { cursor } = list
    if (cursor) telemetry.emit({ type: 'snapshot', from: 'disk', ...cursor, entries: list.revoked.size })
  }
}
