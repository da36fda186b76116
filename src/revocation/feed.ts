/**
 * The feed as one process serves it: frames signed once, whoever reads them.
 * While the database is away nothing is signed: a heartbeat says that there is
 * nothing newer, and then nobody knows.
 */

import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import { type Cursor, cursorText } from './cursor.ts'
import type { FeedKeys } from './feed-keys.ts'
import { longestFrame, type Seal, signFrame } from './frames.ts'
import type { LiveLog } from './live-log.ts'
import type { LoggedRevocation } from './revocation.ts'
import { snapshotText } from './snapshot.ts'

export interface FeedNeeds {
  log: LiveLog
  issuer: string
  keys(): FeedKeys
  /** Changes with the JWKS. */
  jwksVersion(): string
  heartbeatMs?: number
  /** How long after a frame the next news wait for others; 50. A signature costs every reader about 0.1 ms. */
  gatherMs?: number
}

/** A frame on its way to the streams: cursor after it, and its text. */
export interface SentFrame {
  cursor: string
  frame: string
}

export interface Snapshot {
  cursor: string
  /** Of the key that signed it. */
  kid: string
  plain: Buffer
  gzipped: Buffer
}

/** `gone`: load the snapshot. `unsure`: the database is away, so this node cannot say. */
export type Answer<T> = T | 'gone' | 'unsure'

/** Older than this, what we know is not called the newest. */
const unsureMs = 2_000
const snapshotMs = 30_000
const snapshotChanges = 1_000
/** Frames in one answer; the rest is fetched at once. */
const mostFrames = 16
/** A node that is behind the one a verifier came from has this long to catch up. */
const catchUpMs = 1_500

const compress = promisify(gzip)

export class Feed {
  readonly #needs: FeedNeeds
  readonly #heartbeatMs: number
  readonly #readers = new Set<(sent: SentFrame) => void>()
  readonly #closers = new Set<() => void>()
  readonly #timers: NodeJS.Timeout[] = []
  readonly #stopListening: () => void
  #sentSeq: number
  #lastFrameAt = 0
  #gathering: NodeJS.Timeout | undefined
  #snapshotMade: { bytes: number; at: number } | undefined
  #snapshot: { at: number; head: Cursor; kid: string; made: Promise<Snapshot> } | undefined
  /** Answers to pollers, good for as long as nothing happens and no longer than a second. */
  #polled = new Map<string, { at: number; frames: string[] }>()

  constructor(needs: FeedNeeds) {
    this.#needs = needs
    this.#heartbeatMs = needs.heartbeatMs ?? 1_000
    this.#sentSeq = needs.log.head.seq
    this.#stopListening = needs.log.onChange(({ isNewEpoch }) => (isNewEpoch ? this.#beginAnew() : this.#gather()))
    this.#timers.push(setInterval(() => this.#beat(), this.#heartbeatMs).unref())
    this.#timers.push(setInterval(() => needs.log.forgetExpired(), 30_000).unref())
  }

  /** Is what we know the newest there is? */
  get isSure(): boolean {
    return this.#needs.log.ageMs < unsureMs
  }

  /** For metrics: entries not sent to the streams yet, and the last snapshot. */
  get progress(): { unsent: number; snapshot: { bytes: number; ageSeconds: number } | undefined } {
    const made = this.#snapshotMade
    return {
      unsent: Math.max(0, this.#needs.log.head.seq - this.#sentSeq),
      snapshot: made && { bytes: made.bytes, ageSeconds: (performance.now() - made.at) / 1000 },
    }
  }

  /** Sends every frame from now on; `closed` is told when the stream has to begin anew. Returns the way to stop. */
  read(reader: (sent: SentFrame) => void, closed: () => void): () => void {
    this.#readers.add(reader)
    this.#closers.add(closed)
    return () => {
      this.#readers.delete(reader)
      this.#closers.delete(closed)
    }
  }

  /** All that is missing since the cursor, and a heartbeat at its end: what a stream begins with. */
  async catchUp(after: Cursor | undefined): Promise<Answer<SentFrame[]>> {
    const from = after ?? this.#head
    const missing = await this.#framesAfter(from, Number.POSITIVE_INFINITY, this.#sentSeq)
    if (typeof missing === 'string') return missing
    const reached = Math.max(this.#sentSeq, from.seq)
    return [...missing, this.#heartbeat(reached)]
  }

  /** For pollers: frames since the cursor, or one heartbeat. Waits for news up to `waitMs`. */
  async changes(
    after: Cursor,
    waitMs: number,
    signal: AbortSignal,
  ): Promise<Answer<{ cursor: string; frames: string[] }>> {
    const found = await this.#framesAfter(after, mostFrames)
    if (typeof found === 'string') return found
    if (found.length > 0 || waitMs === 0) return this.#answer(after, found)
    await this.#news(waitMs, signal)
    const news = await this.#framesAfter(after, mostFrames)
    return typeof news === 'string' ? news : this.#answer(after, news)
  }

  /** Made anew every half minute or thousand entries; an old one is as good, since changes bring the rest. */
  async snapshot(): Promise<Snapshot> {
    const { head } = this.#needs.log
    const kept = this.#snapshot
    const { kid } = this.#needs.keys().current
    const isOld =
      !kept ||
      kept.kid !== kid || // Who has pinned the keys of now does not believe it.
      kept.head.epoch !== head.epoch ||
      head.seq - kept.head.seq >= snapshotChanges ||
      (performance.now() - kept.at >= snapshotMs && head.seq !== kept.head.seq) ||
      performance.now() - kept.at >= 10 * snapshotMs ||
      kept.head.seq < head.floor
    if (isOld) {
      const made = this.#makeSnapshot()
      this.#snapshot = { at: performance.now(), head: { epoch: head.epoch, seq: head.seq }, kid, made }
      made.catch(() => {
        if (this.#snapshot?.made === made) this.#snapshot = undefined
      })
      return made
    }
    return kept.made
  }

  /** Ends every stream. */
  close(): void {
    for (const timer of this.#timers) clearInterval(timer)
    clearTimeout(this.#gathering)
    this.#stopListening()
    this.#endStreams()
  }

  get #head(): Cursor {
    return { epoch: this.#needs.log.head.epoch, seq: this.#sentSeq }
  }

  get #seal(): Seal {
    const { issuer, keys, log } = this.#needs
    return { issuer, key: keys().current, nowSeconds: log.clock.nowSeconds }
  }

  async #framesAfter({ epoch, seq }: Cursor, most: number, to?: number): Promise<Answer<SentFrame[]>> {
    const { log } = this.#needs
    // Another node may have begun a new epoch at a server that this node has yet to find.
    if (epoch !== log.head.epoch) return this.isSure ? 'gone' : 'unsure'
    if (seq < log.head.floor) return 'gone'
    if (seq > log.head.seq && !(await this.#caughtUp(seq))) return this.isSure ? 'gone' : 'unsure'
    if (!this.isSure) return 'unsure'
    return this.#sign(seq, to ?? log.head.seq, most)
  }

  /** Another node may have told of entries that we have not looked up yet. */
  async #caughtUp(seq: number): Promise<boolean> {
    const until = performance.now() + catchUpMs
    while (performance.now() < until) {
      await this.#needs.log.look()
      if (this.#needs.log.head.seq >= seq) return true
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    return false
  }

  /** Entries numbered above `after`, up to `to`; expired ones have left gaps that nobody misses. */
  #sign(after: number, to: number, most: number): SentFrame[] {
    const waiting = this.#needs.log.after(after).filter(({ seq }) => seq <= to)
    const frames: SentFrame[] = []
    for (let from = after + 1; from <= to && frames.length < most; ) {
      const entries = waiting.slice(frames.length * longestFrame, (frames.length + 1) * longestFrame)
      const isLast = (frames.length + 1) * longestFrame >= waiting.length
      const end = isLast ? to : (entries.at(-1)?.seq ?? to)
      frames.push(this.#frame(from, end, entries))
      from = end + 1
    }
    return frames
  }

  #frame(from: number, to: number, entries: readonly LoggedRevocation[]): SentFrame {
    const { epoch } = this.#needs.log.head
    const jwks = this.#needs.jwksVersion()
    return { cursor: cursorText({ epoch, seq: to }), frame: signFrame({ epoch, from, to, jwks, entries }, this.#seal) }
  }

  #heartbeat(seq: number): SentFrame {
    return this.#frame(seq + 1, seq, [])
  }

  #answer(after: Cursor, found: SentFrame[]): { cursor: string; frames: string[] } {
    const cursor = found.at(-1)?.cursor ?? cursorText(after)
    if (found.length > 0) return { cursor, frames: found.map(({ frame }) => frame) }
    const kept = this.#polled.get(cursor)
    if (kept && performance.now() - kept.at < 500) return { cursor, frames: kept.frames }
    const frames = [this.#heartbeat(after.seq).frame]
    this.#polled.clear()
    this.#polled.set(cursor, { at: performance.now(), frames })
    return { cursor, frames }
  }

  /** Until something happens, the time is up or the asker has gone. */
  #news(waitMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const done = () => {
        clearTimeout(timer)
        signal.removeEventListener('abort', done)
        stop()
        resolve()
      }
      const timer = setTimeout(done, waitMs)
      const stop = this.#needs.log.onChange(done)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
    })
  }

  /** At once after a quiet while, else when the last frame is old enough. */
  #gather(): void {
    if (this.#gathering) return
    const waitMs = Math.max(0, this.#lastFrameAt + (this.#needs.gatherMs ?? 50) - performance.now())
    this.#gathering = setTimeout(() => {
      this.#gathering = undefined
      this.#sendNews()
    }, waitMs)
  }

  #sendNews(): void {
    const { seq } = this.#needs.log.head
    if (seq <= this.#sentSeq) return
    const frames = this.#sign(this.#sentSeq, seq, Number.POSITIVE_INFINITY)
    this.#sentSeq = seq
    for (const sent of frames) this.#send(sent)
    this.#lastFrameAt = performance.now()
  }

  #beat(): void {
    if (this.#readers.size === 0 || !this.isSure) return
    if (this.#needs.log.head.seq > this.#sentSeq) this.#sendNews()
    // News are as good a proof of freshness, and each frame costs every reader a signature.
    else if (performance.now() - this.#lastFrameAt >= this.#heartbeatMs / 2) this.#send(this.#heartbeat(this.#sentSeq))
  }

  #send(sent: SentFrame): void {
    for (const reader of this.#readers) reader(sent)
  }

  #beginAnew(): void {
    this.#sentSeq = this.#needs.log.head.seq
    this.#snapshot = undefined
    this.#polled.clear()
    this.#endStreams()
  }

  #endStreams(): void {
    for (const close of [...this.#closers]) close()
  }

  async #makeSnapshot(): Promise<Snapshot> {
    const { log } = this.#needs
    const { head } = log
    const seal = this.#seal
    const text = snapshotText(head, log.after(0), seal)
    const plain = Buffer.from(text)
    this.#snapshotMade = { bytes: plain.length, at: performance.now() }
    return { cursor: cursorText(head), kid: seal.key.kid, plain, gzipped: await compress(plain) }
  }
}
