/** Server-sent events: each frame is encoded once and written to every socket. A client that stops reading is disconnected. */
import type { ServerResponse } from 'node:http'
import type { Context } from 'koa'
import type { FeedMeter } from '../../events/feed-metrics.ts'
import type { Cursor } from '../../revocation/cursor.ts'
import type { Feed, SentFrame } from '../../revocation/feed.ts'
import { type Allowed, busy, readable } from './feed-answers.ts'

/** A socket with more unsent bytes than this is disconnected. */
const mostWaitingBytes = 1024 * 1024
/** The interval at which the credentials of open streams are checked again. */
const checkMs = 1_000

interface Stream {
  response: ServerResponse
  access: Allowed
  end(): void
}

export class FeedStreams {
  readonly #feed: Feed
  readonly #most: number
  readonly #meter: FeedMeter
  readonly #streams = new Set<Stream>()
  #stopReading: (() => void) | undefined
  #checking: NodeJS.Timeout | undefined

  constructor(feed: Feed, most: number, meter: FeedMeter) {
    this.#feed = feed
    this.#most = most
    this.#meter = meter
  }

  async open(ctx: Context, after: Cursor | undefined, access: Allowed): Promise<void> {
    if (this.#streams.size >= this.#most) throw busy()
    const missing = readable(await this.#feed.catchUp(after))
    // No await may come between `catchUp` and `#join`, or the stream would miss a frame.
    ctx.respond = false
    const { res: response } = ctx
    response.writeHead(200, {
      'Content-Type': 'text/event-stream',
      'Cache-Control': 'no-store',
      'X-Accel-Buffering': 'no',
      'X-Content-Type-Options': 'nosniff',
      'X-Request-Id': String(ctx.state.requestId ?? ''),
      Vary: 'Authorization',
    })
    if (ctx.method === 'HEAD') return void response.end()
    const bytes = Buffer.concat(missing.map(bytesOf))
    response.write(bytes)
    this.#meter.sent('stream', missing.length, bytes.length)
    this.#join({ response, access, end: () => response.end() })
  }

  #join(stream: Stream): void {
    this.#streams.add(stream)
    this.#meter.streams(this.#streams.size)
    stream.response.once('close', () => this.#leave(stream))
    stream.response.on('error', () => this.#leave(stream))
    this.#stopReading ??= this.#feed.read(
      (sent) => this.#send(bytesOf(sent)),
      () => this.#endAll(),
    )
    this.#checking ??= setInterval(() => this.#endExpired(), checkMs).unref()
  }

  #leave(stream: Stream): void {
    this.#streams.delete(stream)
    this.#meter.streams(this.#streams.size)
    if (this.#streams.size > 0) return
    this.#stopReading?.()
    this.#stopReading = undefined
    clearInterval(this.#checking)
    this.#checking = undefined
  }

  #send(bytes: Buffer): void {
    this.#meter.sent('stream', 1, bytes.length, this.#streams.size)
    for (const { response } of this.#streams) {
      if (response.writableLength <= mostWaitingBytes) response.write(bytes)
      else if (!response.destroyed) {
        this.#meter.cutOff()
        response.destroy()
      }
    }
  }

  /** Ends the streams whose token has expired or whose client was removed. */
  #endExpired(): void {
    const now = Math.floor(Date.now() / 1000)
    for (const stream of this.#streams) if (stream.access.isOver(now)) stream.end()
  }

  #endAll(): void {
    for (const stream of [...this.#streams]) stream.end()
  }
}

const bytesOf = ({ cursor, frame }: SentFrame): Buffer => Buffer.from(`id: ${cursor}\ndata: ${frame}\n\n`)
