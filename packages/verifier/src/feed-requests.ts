/** The requests of the feed: snapshot, changes and stream. */
import { isObject } from './base64url.ts'
import { readBody, readJson } from './bounded-body.ts'
import { pause, unref } from './clock.ts'
import { EventStreamParser } from './event-stream.ts'
import { longestFrame } from './frame.ts'
import type { Cursor } from './revocation-list.ts'
import { authorization, BadAnswer, call, type FeedAuth, type Fetch } from './web-requests.ts'

export interface FeedRequestsNeeds {
  endpoint(): Promise<string>
  auth: FeedAuth
  fetch: Fetch
  signal: AbortSignal
  maxSnapshotBytes: number
}

/** A stream without a message for this long is dead: the feed sends a heartbeat each second. */
const silenceMs = 3_000
const watchMs = 250
const beginMs = 2_500
const snapshotMs = 60_000
const mostFrames = 64

/** The response started but no message came: a proxy buffers the stream. */
export class StreamHeldBack extends Error {
  override name = 'StreamHeldBack'
}

export class FeedRequests {
  readonly #needs: FeedRequestsNeeds

  constructor(needs: FeedRequestsNeeds) {
    this.#needs = needs
  }

  /** @param anew bypasses every cache */
  async snapshot(anew: boolean): Promise<Uint8Array> {
    const { response, giveUp } = await this.#get('/snapshot', {
      accept: 'application/x-ndjson',
      ...(anew ? { 'cache-control': 'no-cache' } : {}),
    })
    return this.#within(snapshotMs, giveUp, () => readBody(response, this.#needs.maxSnapshotBytes))
  }

  /** @param waitSeconds how long the issuer may wait for new entries; a cache may answer 0 */
  async changes(after: Cursor, waitSeconds: number): Promise<string[]> {
    const wait = waitSeconds > 0 ? `&wait=${waitSeconds}` : ''
    const path = `/changes?after=${after.epoch}.${after.seq}${wait}`
    const { response, giveUp } = await this.#get(path, { accept: 'application/json' }, waitSeconds * 1000)
    const frames = await this.#within(10_000, giveUp, () => readJson(response, mostFrames * longestFrame))
    if (!Array.isArray(frames) || frames.length > mostFrames || !frames.every((frame) => typeof frame === 'string')) {
      throw new Error('the changes are not an array of frames')
    }
    return frames
  }

  /** Passes each frame to `take`, one after the other, until the stream ends or falls silent. */
  async stream(after: Cursor, take: (frame: string) => Promise<void>): Promise<void> {
    const cursor = `${after.epoch}.${after.seq}`
    const path = `/stream?after=${cursor}`
    const { response, giveUp } = await this.#get(path, { accept: 'text/event-stream', 'last-event-id': cursor })
    if (!response.headers.get('content-type')?.startsWith('text/event-stream') || !response.body) {
      giveUp()
      throw new StreamHeldBack('the response is not an event stream')
    }
    const parser = new EventStreamParser()
    const reader = response.body.getReader()
    let heard = false
    let silentAt = performance.now() + silenceMs
    let isSilent = false
    // One timer per stream instead of one per read, since a machine may have hundreds of streams.
    const watchdog = setInterval(() => {
      if (performance.now() < silentAt) return
      isSilent = true
      giveUp()
    }, watchMs)
    unref(watchdog)
    try {
      for (;;) {
        const { done, value } = await reader.read()
        if (done || !value) return
        // Only complete messages count; bytes without a complete message are silence.
        for (const frame of parser.push(value)) {
          heard = true
          silentAt = Number.POSITIVE_INFINITY // the work for a frame has its own time limits
          await take(frame)
          silentAt = performance.now() + silenceMs
        }
      }
    } catch (error) {
      if (!isSilent) throw error
      throw heard ? new Error('the stream fell silent') : new StreamHeldBack('the stream sent no message')
    } finally {
      clearInterval(watchdog)
      giveUp()
    }
  }

  async #get(path: string, headers: Record<string, string>, moreMs = 0) {
    const { endpoint, auth, fetch, signal } = this.#needs
    const url = `${await endpoint()}${path}`
    const all = { ...headers, authorization: await authorization(auth) }
    const answer = await call(fetch, url, { headers: all, signal, timeoutMs: beginMs + moreMs })
    if (answer.response.status === 200) return answer
    answer.giveUp()
    throw new BadAnswer(url, answer.response)
  }

  async #within<T>(ms: number, giveUp: () => void, work: () => Promise<T>): Promise<T> {
    const done = new AbortController()
    void pause(ms, done.signal).then(() => done.signal.aborted || giveUp())
    try {
      return await work()
    } finally {
      done.abort()
      giveUp()
    }
  }
}

export const publishedKeys = (document: Record<string, unknown>): readonly unknown[] => {
  const { revocation_feed_jwks: jwks } = document
  return isObject(jwks) && Array.isArray(jwks.keys) ? jwks.keys : []
}
